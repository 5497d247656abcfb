-- name: render_by_id
-- One render, with its export once it is completed.
select job_id, state, priority, width, height, rate_num, rate_den, quality, frames_total, frames_done, segments_total, segments_done, warnings, metadata,
       code, detail, field, deadline, needs, paused, sha256, bytes, duration, degraded, object_key, version, created_at, updated_at
from read.renders
where tenant_id = $1 and job_id = $2;

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
       code, detail, field, deadline, needs, paused, sha256, bytes, duration, degraded, object_key, version, created_at, updated_at
from page
union all
select job_id, null, null, null, null, null, null, null, null, null, null, null, null, null,
       null, null, null, null, null, null, null, null, null, null, null, null, created_at, null
from reached where (select count(*) from page) < $5
order by created_at desc, job_id desc, version nulls last;

-- name: parts_of_render
-- The parts of one render with the names of their nodes, newest first.
select p.part_id, p.kind, p.node_id,
       coalesce((select n.name from (select node_id, name from read.nodes
                            where tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and node_id >= p.node_id order by node_id limit 1) n
                 where n.node_id = p.node_id), '') as node_name, p.epoch, p.first, p.count, p.state, p.detail, p.version, p.created_at, p.updated_at
from read.render_parts p
where p.tenant_id = $1 and p.subject_id = $2 and (p.created_at, p.part_id) < ($3::timestamptz, $4::uuid)
order by p.created_at desc, p.part_id desc
limit $5;

-- name: repairs_of_render
-- What of one render was drawn again, newest first.
select repair_id, job_id, state, cause, reason, frames, before, after, identical, code, detail, version, created_at, updated_at
from read.frame_repairs
where tenant_id = $1 and job_id = $2 and (created_at, repair_id) < ($3::timestamptz, $4::uuid)
order by created_at desc, repair_id desc
limit $5;

-- name: nodes
-- The farm's nodes by name; they belong to the platform tenant, whoever asks ($1 is only checked to be somebody).
select node_id, name, state, service,
       case when $1::uuid = '00000000-0000-0000-0000-000000000001' then service_reason else '' end as service_reason,
       case when service = 'set_aside' then service_until end as service_until,
       slots, engine_build, encoder_build, platform, release, capabilities, version, created_at, updated_at
from read.nodes
where $1::uuid is not null and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff'
  and (name, node_id) > ($2::text, $3::uuid)
order by name, node_id
limit $4;

-- name: node_by_id
-- One node, whoever asks.
select node_id, name, state, service,
       case when $1::uuid = '00000000-0000-0000-0000-000000000001' then service_reason else '' end as service_reason,
       case when service = 'set_aside' then service_until end as service_until,
       slots, engine_build, encoder_build, platform, release, capabilities, version, created_at, updated_at
from read.nodes
where $1::uuid is not null and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and node_id = $2;

-- name: node_health
-- How one node fared, newest first.
select node_id, at, cpu, memory, disk_free, load, parts
from read.node_health
where $1::uuid is not null and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and node_id = $2 and at < $3::timestamptz
order by at desc
limit $4;

-- name: node_crashes
-- What died on nodes, newest first, of all or of one node, of all kinds or of one.
select c.crash_id, c.node_id,
       coalesce((select n.name from (select node_id, name from read.nodes
                            where tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and node_id >= c.node_id order by node_id limit 1) n
                 where n.node_id = c.node_id), '') as node_name, c.kind, c.part_id, c.subject_id, c.template, c.signal, c.exit_code, c.last_frame, c.log_tail,
       c.version, c.created_at, c.updated_at
from (
  (select * from read.node_crashes
   where $1::uuid is not null and $2::uuid is null and $3::text is null
     and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and (created_at, crash_id) < ($4::timestamptz, $5::uuid)
   order by created_at desc, crash_id desc limit $6)
  union all
  (select * from read.node_crashes
   where node_id = $2 and $3::text is null
     and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and (created_at, crash_id) < ($4::timestamptz, $5::uuid)
   order by created_at desc, crash_id desc limit $6)
  union all
  (select * from read.node_crashes
   where kind = $3 and $2::uuid is null
     and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and (created_at, crash_id) < ($4::timestamptz, $5::uuid)
   order by created_at desc, crash_id desc limit $6)
  union all
  (select * from read.node_crashes
   where node_id = $2 and kind = $3
     and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and (created_at, crash_id) < ($4::timestamptz, $5::uuid)
   order by created_at desc, crash_id desc limit $6)) c
order by c.created_at desc, c.crash_id desc
limit $6;

-- name: templates_set_aside
-- A tenant's templates that are not drawn.
select template, reason, crashed_on, version, created_at, updated_at
from read.templates_set_aside
where tenant_id = $1 and template > $2::text
order by template
limit $3;

-- name: snapshot_by_id
-- One picture of a scene, with its object once it is drawn.
select snapshot_id, project_id, state, width, height, frame, cache_key, sha256, bytes, degraded, object_key, code, detail, field, version, created_at, updated_at
from read.snapshots
where tenant_id = $1 and snapshot_id = $2;

-- name: object_look
-- What the scrubber found at its last look at an export or snapshot.
select object_key, found, checked_at from read.object_looks where tenant_id = $1 and kind = $2 and name = $3;
