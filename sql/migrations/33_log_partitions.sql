-- The log in partitions by position, its head as one row, its archives with an index by tenant, and its history for domains to read.

set role log_owner;
alter table log.head
  -- The end of the log: position and hash of its last event, written by the transaction that appends it.
  add column position bigint constraint head_position check (position >= 0),
  add column hash text,
  -- The oldest position that is read in the table; what is before it lies in archives.
  add column first bigint constraint head_first check (first > 0);

-- What is known of each partition of the log, also after it left the table.
create table log.parts (
  first bigint primary key constraint parts_first check (first > 0),
  last bigint not null constraint parts_last check (last >= first),
  made_at timestamptz not null,
  -- The moments, in Unix milliseconds and rounded outwards, that its events' ids bear; null as long as that was not looked up.
  moments int8multirange,
  -- Whether there are ids among them that bear no moment.
  others boolean,
  -- Since when it is read in archives only.
  retired_at timestamptz,
  dropped_at timestamptz);

alter table log.archives
  -- 1: lines in the order of positions; 2: contracts.runs, by tenant.
  add column format int not null default 1 constraint archives_format check (format in (1, 2)),
  -- The last eight bytes of its events' ids.
  add column ids bigint[];
alter table log.archives alter column format drop default;

-- Where a tenant's events lie within an archived run: pieces that are read by themselves.
create table log.ranges (
  tenant_id uuid not null, last bigint not null, first bigint not null constraint ranges_first check (first <= last),
  run bigint not null references log.archives, "offset" bigint not null, bytes bigint not null, count int not null, sha256 text not null,
  primary key (tenant_id, last));
create index ranges_of_run on log.ranges (run);

-- The present table becomes the first partition.
alter table log.events rename to events_1;
alter index log.events_pkey rename to events_1_pkey;
alter index log.events_event_id rename to events_1_event_id;
alter index log.events_of_request rename to events_1_of_request;
drop index log.events_of_tenant;
create table log.events (
  position bigint primary key constraint events_position check (position > 0),
  event_id uuid not null,
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
  hash text not null) partition by range (position);
-- A tenant's events, and which of them have a type, without a look at the rows.
create index events_of_tenant on log.events (tenant_id, position) include (type);
create index events_of_request on log.events (correlation_id, position);
reset role;

update log.head set
  position = coalesce((select max(e.position) from log.events_1 e), 0),
  hash = coalesce((select e.hash from log.events_1 e order by e.position desc limit 1), repeat('0', 64)),
  first = coalesce((select min(e.position) from log.events_1 e), 1);
alter table log.head alter column position set not null, alter column hash set not null, alter column first set not null;

do $$
declare beyond bigint;
begin
  select (position / 10000 + 3) * 10000 + 1 into beyond from log.head;
  -- Checked by one scan here; attaching then needs none.
  execute format('alter table log.events_1 add constraint events_1_bounds check (position >= 1 and position < %s)', beyond);
  execute format('alter table log.events attach partition log.events_1 for values from (1) to (%s)', beyond);
  alter table log.events_1 drop constraint events_1_bounds;
  insert into log.parts (first, last, made_at) values (1, beyond - 1, now());
end $$;
revoke all on log.events_1 from log_app, read_owner;
comment on table log.events_1 is 'log: events from position 1 on';
select platform.guard('log.events', 'log', 'every event of every domain, in order, each with the hash of the one before');
select platform.guard('log.parts', 'log', 'the partitions of the log, those that lie in archives too');
select platform.guard('log.ranges', 'log', 'where each tenant''s events lie within the archived runs');
select platform.guard('log.head', 'log', 'the end of the log, up to where EVENTS holds it, the epoch, and the key that seals its messages');

-- Make the partition behind the last one, for `size` positions or as many as a week took; answers its last position. Attached, not created
-- as a partition, so that nobody who reads or appends has to wait.
create function log.make_part(size bigint default null) returns bigint
language plpgsql security definer set search_path = pg_catalog set lock_timeout = '5s' as $$
declare
  begins bigint; ends bigint; many bigint; part text;
begin
  select coalesce(max(p.last), 0) + 1 into begins from log.parts p;
  select h.position - coalesce((select max(p.first) from log.parts p where p.made_at < now() - interval '7 days'), 1) into many from log.head h;
  ends := begins + coalesce(size, least(1000000, greatest(20000, many))) - 1;
  part := format('events_%s', begins);
  execute format('create table log.%I (like log.events including constraints including indexes)', part);
  execute format('alter table log.%I add constraint %I unique (event_id)', part, part || '_event_id');
  execute format('alter table log.%I add constraint bounds check (position >= %s and position <= %s)', part, begins, ends);
  perform platform.guard(format('log.%I', part)::regclass, 'log', format('events from position %s on', begins));
  execute format('alter table log.events attach partition log.%I for values from (%s) to (%s)', part, begins, ends + 1);
  execute format('alter table log.%I drop constraint bounds', part);
  insert into log.parts (first, last, made_at) values (begins, ends, now());
  return ends;
end $$;

-- The moment in Unix milliseconds that an id bears; null for one that bears none. (Neither this nor the next one sets a path, or is strict: it
-- would not be inlined, which is five times as slow.)
create function log.moment_of(id uuid) returns bigint language sql immutable parallel safe as $$
  select case when uuid_extract_version(id) = 8 then ('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint end
$$;
-- By what an id is known once its event lies in an archive.
create function log.tail_of(id uuid) returns bigint language sql immutable parallel safe as $$
  select ('x' || substr(replace(id::text, '-', ''), 17, 16))::bit(64)::bigint
$$;

-- Which of these ids the log has, looked for in those partitions and archives that can hold them by the moment that they bear.
create function log.repeated(ids uuid[]) returns setof uuid
language sql stable security definer set search_path = pg_catalog set app.tenants = '*' set enable_seqscan = off as $$
  select i.id from unnest(ids) i(id) cross join log.head h
  where exists (
    select from log.parts p
    where p.first <= h.position
      and (p.moments is null or case when log.moment_of(i.id) is null then p.others else p.moments @> log.moment_of(i.id) end)
      and (exists (select from log.events e where e.position between p.first and p.last and e.event_id = i.id)
           or exists (select from log.archives a where a.first between p.first and p.last and log.tail_of(i.id) = any (a.ids))))
$$;

-- Write down an archived run: the next one, or one of the old format anew. `pieces` are rows of log.ranges.
create function log.keep_run(first bigint, last bigint, object_key text, sha256 text, bytes bigint, prev_hash text, hash text, ids uuid[], pieces json)
returns void language plpgsql security definer set search_path = pg_catalog set app.tenants = '*' as $$
begin
  if not exists (select from log.archives a where a.first = keep_run.first and a.last = keep_run.last and a.hash = keep_run.hash and a.format = 1)
     and (keep_run.first <> coalesce((select max(a.last) from log.archives a), 0) + 1
          or keep_run.last > (select least(h.published, h.position) from log.head h)) then
    raise exception 'positions % to % are not the next to be archived', first, last using errcode = 'check_violation';
  end if;
  insert into log.archives as a (first, last, object_key, sha256, bytes, prev_hash, hash, archived_at, format, ids)
  values (keep_run.first, keep_run.last, keep_run.object_key, keep_run.sha256, keep_run.bytes, keep_run.prev_hash, keep_run.hash, now(), 2,
          array(select log.tail_of(id) from unnest(keep_run.ids) id))
  on conflict on constraint archives_pkey do update set object_key = excluded.object_key, sha256 = excluded.sha256, bytes = excluded.bytes,
    format = excluded.format, ids = excluded.ids, archived_at = excluded.archived_at;
  insert into log.ranges (tenant_id, last, first, run, "offset", bytes, count, sha256)
  select p.tenant_id, p.last, p.first, keep_run.first, p."offset", p.bytes, p.count, p.sha256
  from json_to_recordset(pieces) as p(tenant_id uuid, last bigint, first bigint, "offset" bigint, bytes bigint, count int, sha256 text);
end $$;

-- From now on a partition is read in the archives, which hold all of it; the oldest that is read in the table, and no other.
create function log.retire(part bigint) returns void language plpgsql security definer set search_path = pg_catalog as $$
begin
  update log.parts p set retired_at = clock_timestamp() from log.head h
  where p.first = part and p.retired_at is null and p.moments is not null and h.first between p.first and p.last + 1
    and p.last <= h.position and p.last <= h.published and p.last <= (select max(a.last) from log.archives a where a.format = 2)
    and not exists (select from log.archives a where a.format = 1 and a.first <= p.last);
  if not found then
    raise exception 'the partition from position % on cannot be retired', part using errcode = 'check_violation';
  end if;
  update log.head set first = (select p.last + 1 from log.parts p where p.first = part);
end $$;

alter function log.make_part(bigint) owner to log_owner;
alter function log.repeated(uuid[]) owner to log_owner;
alter function log.keep_run(bigint, bigint, text, text, bigint, text, text, uuid[], json) owner to log_owner;
alter function log.retire(bigint) owner to log_owner;

-- Drop the partitions that were retired more than `wait` ago, which is longer than a retiring transaction takes, unless a transaction is at
-- work that may have begun before: it would find neither. Nobody waits for it longer than a moment; answers what was dropped.
create function log.drop_retired(wait interval) returns bigint[]
language plpgsql security definer set search_path = pg_catalog set lock_timeout = '500ms' as $$
declare part bigint; done bigint[] := '{}';
begin
  for part in
    select p.first from log.parts p where p.retired_at < clock_timestamp() - wait and p.dropped_at is null
      and not exists (select from pg_stat_activity a where a.datname = current_database() and a.pid <> pg_backend_pid()
                      and a.backend_type = 'client backend' and a.xact_start < p.retired_at + wait)
    order by p.first
  loop
    execute format('drop table if exists log.%I', 'events_' || part);
    update log.parts set dropped_at = now() where first = part;
    done := done || part;
  end loop;
  return done;
end $$;

drop function log.forget_archived(bigint);
revoke insert on log.archives from log_app;
revoke all on function log.make_part(bigint), log.repeated(uuid[]), log.retire(bigint), log.drop_retired(interval),
  log.keep_run(bigint, bigint, text, text, bigint, text, text, uuid[], json) from public;
grant execute on function log.make_part(bigint), log.repeated(uuid[]), log.retire(bigint), log.drop_retired(interval),
  log.keep_run(bigint, bigint, text, text, bigint, text, text, uuid[], json) to log_app;
grant select, insert on log.events to log_app;
grant select, update (moments, others) on log.parts to log_app;
grant select on log.ranges to log_app;
grant update (position, hash) on log.head to log_app;
grant select on log.events, log.ranges to read_owner;
grant select (first, last, object_key, format) on log.archives to read_owner;
select log.make_part();

-- Events of some types behind a position, in order, at most `most` of them, and none beyond `after + 20000`: what a call reads is bounded. For
-- domains, which reach no table of the log; what lies in archives is not among them.
create function platform.history(after bigint, until bigint, types text[], most int)
returns table ("position" bigint, event_id uuid, type text, tenant_id uuid, "time" timestamptz, actor text, correlation_id uuid, causation_id uuid,
               aggregate text, version bigint, traceparent text, body text)
language sql stable security definer set search_path = pg_catalog set app.tenants = '*' set enable_seqscan = off as $$
  select e.position, e.event_id, e.type, e.tenant_id, e.time, e.actor, e.correlation_id, e.causation_id, e.aggregate, e.version, e.traceparent, e.body
  from log.events e
  where e.position > history.after and e.position <= least(history.until, history.after + 20000) and e.type = any (history.types)
  order by e.position limit history.most
$$;
-- The archived run in which the event behind a position is read; none when it is read in the table.
create function platform.log_runs(after bigint)
returns table (first bigint, last bigint, object_key text, sha256 text, bytes bigint, format int)
language sql stable security definer set search_path = pg_catalog as $$
  select a.first, a.last, a.object_key, a.sha256, a.bytes, a.format from log.archives a, log.head h
  where log_runs.after + 1 < h.first and a.first <= log_runs.after + 1 and a.last > log_runs.after
$$;
alter function platform.history(bigint, bigint, text[], int) owner to log_owner;
alter function platform.log_runs(bigint) owner to log_owner;
revoke all on function platform.history(bigint, bigint, text[], int), platform.log_runs(bigint) from public;

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('grant execute on function platform.history(bigint, bigint, text[], int), platform.log_runs(bigint) to %I', domain || '_app');
  end loop;
end $$;

set role read_owner;
create or replace view read.log_events as select * from log.events;
create or replace view read.log_head as select position, published, epoch, shared, seal, first from log.head;
create view read.log_ranges as
  select r.tenant_id, r.first, r.last, r."offset", r.bytes, r.count, r.sha256, a.object_key from log.ranges r join log.archives a on a.first = r.run;
-- Runs of an earlier release, in which no tenant's part can be read by itself.
create view read.log_unsorted as select first, last from log.archives where format = 1;
grant select on read.log_ranges, read.log_unsorted to edge_ro;
reset role;
