-- name: begin_read
-- Begins every read: whose rows are seen in this transaction, and the head of the log in its snapshot (0 while the log is empty) with its epoch.
with served as materialized (select set_config('app.tenants', $1, true) as tenants)
select tenants, coalesce((select position from read.log_head), 0)::bigint as position, (select epoch from read.log_head) as epoch
from served;

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
-- A tenant's events in order, of types with a prefix, behind a position; a cursor is such a position too.
select position, event_id, type, time, actor, correlation_id, causation_id, body, hash
from read.log_events
where tenant_id = $1 and ($2::text is null or starts_with(type, 'evt.' || $2)) and position > greatest(coalesce($3::bigint, 0), coalesce($4::bigint, 0))
order by position
limit $5;

-- name: events_of_all
-- The log behind one position up to another, for an edge that missed something.
select position, event_id, type, tenant_id, time, correlation_id, causation_id, body
from read.log_events
where position > $1 and position <= $2
order by position
limit 500;

-- name: events_of_tenant
-- One tenant's events behind one position up to another, for a stream that resumes.
select position, event_id, type, tenant_id, time, correlation_id, causation_id, body
from read.log_events
where tenant_id = $3::uuid and position > $1 and position <= $2
order by position
limit 500;

-- name: checked
-- When the standing check looked the last time, and how much it found that stands.
select extract(epoch from now() - looked_at)::float8 as age, extract(epoch from now() - whole_at)::float8 as whole_age, differences
from read.checked;
