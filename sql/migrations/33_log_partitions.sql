-- The log in partitions by position, its head as one row, and its history for domains to read.

-- Events of some types behind a position, in order, at most `most` of them, and none beyond `after + 20000`: what a call reads is bounded. For
-- domains, which reach no table of the log.
create function platform.history(after bigint, until bigint, types text[], most int)
returns table ("position" bigint, event_id uuid, type text, tenant_id uuid, "time" timestamptz, actor text, correlation_id uuid, causation_id uuid,
               aggregate text, version bigint, traceparent text, body text)
language sql stable security definer set search_path = pg_catalog set app.tenants = '*' set enable_seqscan = off as $$
  select e.position, e.event_id, e.type, e.tenant_id, e.time, e.actor, e.correlation_id, e.causation_id, e.aggregate, e.version, e.traceparent, e.body
  from log.events e
  where e.position > history.after and e.position <= least(history.until, history.after + 20000) and e.type = any (history.types)
  order by e.position limit history.most
$$;
revoke all on function platform.history(bigint, bigint, text[], int) from public;
alter function platform.history(bigint, bigint, text[], int) owner to log_owner;

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('grant execute on function platform.history(bigint, bigint, text[], int) to %I', domain || '_app');
  end loop;
end $$;
