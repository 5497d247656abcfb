-- name: parts
-- Leases, as JSON.
select to_json(p)::text from render.render_parts p join unnest($1::uuid[], $2::uuid[]) as k(tenant_id, part_id) using (tenant_id, part_id);

-- name: job_specs
-- What jobs are to draw, as JSON.
select to_json(s)::text from render.job_specs s join unnest($1::uuid[], $2::uuid[]) as k(tenant_id, job_id) using (tenant_id, job_id);

-- name: part_segments
-- The segments that each of these leases holds, each once, with their place in the job; row-level security lets no sum bound an index scan.
select distinct on (k.part_id, s.segment_key) k.part_id, j.idx, j.scene, j.first, j.frames, s.segment_key
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::int[]) as k(tenant_id, part_id, job_id, first, stop)
join render.job_segments j on j.tenant_id = k.tenant_id and j.job_id = k.job_id and j.idx >= k.first and j.idx < k.stop
join render.segments s on s.tenant_id = j.tenant_id and s.segment_key = j.segment_key and s.part_id = k.part_id and s.state = 'drawing'
order by k.part_id, s.segment_key, j.idx;

-- name: job_objects
-- Every verified segment of these jobs in order, with the object that holds it.
select j.tenant_id, j.job_id, s.segment_key, s.object_key, s.sha256, s.frames, s.degraded, s.seam_before, s.seam_last
from unnest($1::uuid[], $2::uuid[]) as k(tenant_id, job_id)
join render.job_segments j on j.tenant_id = k.tenant_id and j.job_id = k.job_id
join render.segments s on s.tenant_id = j.tenant_id and s.segment_key = j.segment_key
where s.state = 'done' order by j.tenant_id, j.job_id, j.idx;

-- name: files
-- Where the bytes of these files lie.
select tenant_id, sha256, object_key from render.files join unnest($1::uuid[], $2::text[]) as k(tenant_id, sha256) using (tenant_id, sha256);

-- name: inspections
-- Uploaded files that wait for a node.
select tenant_id, file_id, object_key from render.inspections join unnest($1::uuid[], $2::uuid[]) as k(tenant_id, file_id) using (tenant_id, file_id);
