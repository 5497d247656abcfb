-- name: stored_segments_of_job
-- Every stored segment of one job, each once.
select distinct s.segment_key, s.object_key, s.sha256
from render.job_segments j join render.segments s using (tenant_id, segment_key)
where j.tenant_id = $1 and j.job_id = $2 and s.state = 'done';

-- name: next_stored_segment
-- The stored segment after a place in the order of keys: round and round, the one that was looked at longest ago comes next.
select tenant_id, segment_key as name, object_key, sha256, bytes from render.segments
where state = 'done' and (tenant_id, segment_key) > ($1, $2) order by tenant_id, segment_key limit 1;

-- name: next_stored_export
-- The export after a place, by job.
select tenant_id, job_id::text as name, object_key, sha256, bytes from render.exports
where (tenant_id, job_id) > ($1, $2::text::uuid) order by tenant_id, render.exports.job_id limit 1;

-- name: next_stored_snapshot
-- The snapshot after a place, by its id.
select tenant_id, snapshot_id::text as name, object_key, sha256, bytes from render.snapshots
where state = 'done' and (tenant_id, snapshot_id) > ($1, $2::text::uuid) order by tenant_id, render.snapshots.snapshot_id limit 1;

-- name: last_scrubbed
-- Where the scrubber was.
select kind, tenant_id, name from render.object_scrubs order by checked_at desc limit 1;

-- name: keep_scrub
-- A stored object was looked at: by the leader with this lease, or, without one, by a person.
insert into render.object_scrubs (tenant_id, kind, name, checked_at, object_key, found)
select $1::uuid, $2::text, $3::text, now(), $4::text, $5::text from render.leader where lease = coalesce($6::bigint, lease)
on conflict (tenant_id, kind, name) do update set checked_at = excluded.checked_at, object_key = excluded.object_key, found = excluded.found;

-- name: open_repairs
-- Repairs of ended jobs, oldest first.
select r.tenant_id, r.repair_id, r.job_id, r.state, r.redrawing::text as redrawing, j.assemble_part_id
from render.frame_repair_jobs r join render.render_jobs j using (tenant_id, job_id)
where r.is_open and r.redrawing is not null order by r.created_at, r.repair_id;

-- name: repair_segments
-- What repairs of ended jobs still wait for, with the first place of each segment in its job.
select r.tenant_id, r.repair_id, s.segment_key, s.frames, s.state, s.avoid::text as avoid, min(j.idx) as idx
from render.frame_repair_jobs r
join render.segments s on s.tenant_id = r.tenant_id and s.repair_id = r.repair_id and s.state <> 'done'
join render.job_segments j on j.tenant_id = r.tenant_id and j.job_id = r.job_id and j.segment_key = s.segment_key
where r.is_open and r.redrawing is not null
group by r.tenant_id, r.repair_id, s.segment_key, s.frames, s.state, s.avoid order by r.tenant_id, r.repair_id, idx;
