-- name: job_objects
-- Every verified segment of these jobs in order, with the object that holds it.
select j.tenant_id, j.job_id, s.segment_key, s.object_key, s.sha256, s.frames, s.degraded, s.seam_before, s.seam_last
from unnest($1::uuid[], $2::uuid[]) as k(tenant_id, job_id)
join render.job_segments j on j.tenant_id = k.tenant_id and j.job_id = k.job_id
join render.segments s on s.tenant_id = j.tenant_id and s.segment_key = j.segment_key
where s.state = 'done' order by j.tenant_id, j.job_id, j.idx;

-- name: next_stored_export
-- The export after a place, by job.
select tenant_id, job_id::text as name, object_key, sha256, bytes from render.exports
where (tenant_id, job_id) > ($1, $2::text::uuid) order by tenant_id, render.exports.job_id limit 1;
