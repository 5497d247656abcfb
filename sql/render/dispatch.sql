-- name: part
-- A lease, as JSON.
select to_json(p)::text from render.render_parts p where tenant_id = $1 and part_id = $2;

-- name: job_with_spec
-- A job's spec and what it is drawn with.
select to_json(s)::text from render.job_specs s where tenant_id = $1 and job_id = $2;

-- name: part_segments
-- The segments that a lease holds, each once, with their place in the job.
select distinct on (s.segment_key) j.idx, j.scene, j.first, j.frames, s.segment_key
from render.job_segments j join render.segments s on s.tenant_id = j.tenant_id and s.segment_key = j.segment_key
where j.tenant_id = $1 and j.job_id = $2 and j.idx >= $3 and j.idx < $4 and s.part_id = $5 and s.state = 'drawing'
order by s.segment_key, j.idx;

-- name: job_objects
-- Every verified segment of a job in order, with the object that holds it.
select s.object_key, s.sha256, s.frames, s.degraded
from render.job_segments j join render.segments s on s.tenant_id = j.tenant_id and s.segment_key = j.segment_key
where j.tenant_id = $1 and j.job_id = $2 and s.state = 'done' order by j.idx;

-- name: files
-- Where the bytes of these files lie.
select sha256, object_key from render.files where tenant_id = $1 and sha256 = any($2::text[]);

-- name: inspection
-- An uploaded file that waits for a node.
select object_key, bytes, name from render.inspections where tenant_id = $1 and file_id = $2;
