-- The log: one order over the events of all domains, chained by hashes. It is the only lasting truth; all else can be made from it.

set role log_owner;
create table log.events (
  position bigint primary key constraint events_position check (position > 0),
  event_id uuid not null constraint events_event_id unique,
  type text not null,
  tenant_id uuid not null,
  time timestamptz not null,
  actor text not null,
  correlation_id uuid not null,
  causation_id uuid not null,
  aggregate text not null,
  version bigint not null,
  traceparent text not null,
  body text not null,
  prev_hash text not null,
  hash text not null);
create index events_of_tenant on log.events (tenant_id, position);
create index events_of_request on log.events (correlation_id, position);

create table log.archives (
  first bigint primary key,
  last bigint not null constraint archives_last check (last >= first),
  object_key text not null,
  sha256 text not null,
  bytes bigint not null,
  prev_hash text not null,
  hash text not null,
  archived_at timestamptz not null);

-- Remove from the table what an archive holds; never the newest event, whose hash the next one continues.
create function log.forget_archived(archive_first bigint) returns bigint language sql security definer set search_path = pg_catalog as $$
  with gone as (
    delete from log.events e using log.archives a
    where a.first = archive_first and e.position between a.first and a.last and e.position < (select max(position) from log.events)
    returning 1)
  select count(*) from gone
$$;
revoke all on function log.forget_archived(bigint) from public;
grant execute on function log.forget_archived(bigint) to log_app;
grant select, insert on log.events, log.archives to log_app;
reset role;

select platform.guard('log.events', 'log', 'every event of every domain, in order, each with the hash of the one before');
select platform.guard('log.archives', 'log', 'runs of old events that lie in object storage');

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    -- What cannot be published must fail in the transaction of the command that causes it: later it would stop the log for everyone.
    execute format($ddl$ alter table %I.outbox
      add constraint outbox_type check (type ~ '^evt\.[a-z_]+\.[a-z_]+\.[a-z_]+\.v[0-9]+$'),
      add constraint outbox_headers check (actor !~ '[\r\n]' and aggregate !~ '[\r\n]' and traceparent !~ '[\r\n]'
        and length(actor) + length(aggregate) + length(traceparent) < 2000),
      add constraint outbox_body check (octet_length(body) <= 65536) $ddl$, domain);
    -- A window that was lost is made anew from the position up to which every domain has reacted.
    execute format('grant select on %I.cursors to log_app', domain);
  end loop;
end $$;
