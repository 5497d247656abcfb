-- name: begin_read
-- Begins every read: whose rows are seen in this transaction, and the head of the log in its snapshot (0 while the log is empty) with its epoch.
with served as materialized (select set_config('app.tenants', $1, true) as tenants)
select tenants, position, epoch, first from served, read.log_head;

-- name: log_head
-- The end of the log over all tenants, up to where it is published, its epoch, what earlier epochs share with it, and the key of the seals.
select position, published, epoch, shared, seal from read.log_head;

-- name: log_alarms
-- What stops the log, or a part of it, until a person has looked; and that the standing check found something, not what: that is nobody's business.
select name, detail, remedy, since from read.log_alarms
union all
select 'check', differences || ' differences stand', '`flatrender check` shows them', since from read.checked where differences > 0
order by since, name;

-- name: log_of_tenant
-- A tenant's events in order, of types with a prefix, behind a position; a cursor is such a position too. With a prefix it looks at 500 events at
-- most, in the index alone; where that was not all, a row without an event says how far it was.
with seen as materialized (
  select position, type from read.log_events
  where tenant_id = $1 and position > case when $3::bigint is null and $4::bigint is null then 0 when $3 is null or $4 > $3 then $4 else $3 end
  order by position
  limit case when $2::text is null then $5 else 500 end),
found as materialized (
  select position from seen where $2::text is null or starts_with(type, 'evt.' || $2) order by position limit $5)
select e.position, e.event_id, e.type, e.time, e.actor, e.correlation_id, e.causation_id, e.body, e.hash
from found f cross join lateral (select * from read.log_events l where l.position = f.position) e
union all
select max(position), null, null, null, null, null, null, null, null from seen
having count(*) = 500 and (select count(*) from found) < $5
order by 1;

-- name: ranges_of_tenant
-- Where a tenant's archived events behind a position up to another lie, the next few pieces of runs.
select tenant_id, first, last, "offset", bytes, count, sha256, object_key
from read.log_ranges where tenant_id = $1 and last > $2 and first <= $3 order by last limit 8;

-- name: unsorted
-- Whether there are archived runs behind a position of which no tenant's part can be read by itself.
select exists (select from read.log_unsorted where last > $1);

-- name: events_of_all
-- The log behind one position up to another, for an edge that missed something.
select position, event_id, type, tenant_id, time, correlation_id, causation_id, body
from read.log_events
where position > $1 and position <= $2
order by position
limit 500;

-- name: checked
-- When the standing check looked the last time, and how much it found that stands.
select extract(epoch from now() - looked_at)::float8 as age, extract(epoch from now() - whole_at)::float8 as whole_age, differences
from read.checked;
