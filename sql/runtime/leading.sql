-- name: try_lock
-- Take a lock if nobody holds it. Not the waiting form: that keeps a snapshot open, and vacuum from working, as long as a standby waits.
select pg_try_advisory_lock($1);

-- name: raise_lease
-- From now on what the leader before sends over other connections than the lock's finds no row.
update {schema}.leader set lease = lease + 1 returning lease;

-- name: end_silent
-- How long until the holder of a lock counts as silent, by the server's clock; one that does is ended, with its process's other connections
-- of this role. Silent is a session that sends nothing for $2 seconds, or takes none of its answer, or lets one statement run for $3.
with holder as (
  select a.pid, a.application_name as process,
    (case when a.state = 'active' and a.wait_event_type is distinct from 'Client' then $3::float8 else $2::float8 end)
      - extract(epoch from clock_timestamp() - a.state_change)::float8 as remaining
  from pg_locks l join pg_stat_activity a on a.pid = l.pid
  where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.database = (select oid from pg_database where datname = current_database())
    and l.classid::bigint = $1::bigint >> 32 and l.objid::bigint = $1::bigint & 4294967295 and a.usename = current_user)
select h.remaining, case when h.remaining <= 0 then (
  select count(pg_terminate_backend(o.pid, 2000)) from pg_stat_activity o
  where o.usename = current_user and o.datname = current_database() and o.pid <> pg_backend_pid()
    and (o.pid = h.pid or (o.application_name = h.process and o.application_name <> ''))) else 0 end as ended
from holder h;
