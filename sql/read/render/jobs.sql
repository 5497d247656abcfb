-- name: render_by_id
-- One render, with its export once it is completed.
select job_id, state, priority, width, height, rate_num, rate_den, quality, frames_total, frames_done, segments_total, segments_done, warnings, metadata,
       code, detail, field, deadline, needs, paused, sha256, bytes, duration, degraded, object_key, version, created_at, updated_at
from read.renders
where tenant_id = $1 and job_id = $2;

-- name: job_in_log
-- How far a render is, and the position of its first event, as far as that lies in no archive and is told already. Events are found by their
-- request alone, as in `explain_render`.
select r.state,
       (select min(e.position) from (
          select l.position from read.log_events l where l.correlation_id = r.correlation_id and (l.tenant_id = $1) is true offset 0) e) as began
from read.renders r
where r.tenant_id = $1 and r.job_id = $2;

-- name: renders
-- A tenant's renders, newest first, of all states or of one. What was just asked for has no job yet and is queued. Of what was asked for it looks at as
-- much as two pages have, or for those that are queued at 120; where that was not all, nothing older than that is shown, and where it shows less than a
-- page, a row without a version says how far it was. A search that is made for each row asks for an order, which the key alone gives: of two indexes that
-- begin with the tenant an empty table prefers neither, and the other one would be read from end to end each time.
with asked as materialized (
  select created_at, job_id from read.requested_renders
  where coalesce($2, 'queued') = 'queued' and tenant_id = $1 and (created_at, job_id) < ($3::timestamptz, $4::uuid)
  order by created_at desc, job_id desc limit case when $2::text is null then 2 * $5 else 120 end),
reached as materialized (
  select created_at, job_id from asked
  where (select count(*) from asked) = case when $2::text is null then 2 * $5 else 120 end order by created_at, job_id limit 1),
found as (
  (select * from read.submitted_renders
   where $2::text is null and tenant_id = $1 and (created_at, job_id) < ($3::timestamptz, $4::uuid)
   order by created_at desc, job_id desc limit $5)
  union all
  (select * from read.submitted_renders
   where state = $2 and tenant_id = $1 and (created_at, job_id) < ($3::timestamptz, $4::uuid)
   order by created_at desc, job_id desc limit $5)
  union all
  (select q.*
   from (select * from asked a
         where not exists (
           select from (select job_id from read.submitted_renders where tenant_id = $1 and job_id >= a.job_id order by job_id limit 1) j
           where j.job_id = a.job_id)
         order by created_at desc, job_id desc limit $5) w
   cross join lateral (select * from read.requested_renders r where r.tenant_id = $1 and r.job_id = w.job_id offset 0) q)),
page as materialized (
  select * from found f
  where not exists (select from reached r where (f.created_at, f.job_id) < (r.created_at, r.job_id))
  order by created_at desc, job_id desc limit $5)
select job_id, state, priority, width, height, rate_num, rate_den, quality, frames_total, frames_done, segments_total, segments_done, warnings, metadata,
       code, detail, field, deadline, needs, paused, sha256, bytes, duration, degraded, version, created_at, updated_at
from page
union all
select job_id, null, null, null, null, null, null, null, null, null, null, null, null, null,
       null, null, null, null, null, null, null, null, null, null, null, created_at, null
from reached where (select count(*) from page) < $5
order by created_at desc, job_id desc, version nulls last;
