-- name: active_of
-- Which of these leases have not ended.
select part_id from render.render_parts join unnest($1::uuid[], $2::uuid[]) as k(tenant_id, part_id) using (tenant_id, part_id) where state = 'active';

-- name: leases
-- Every lease that has not ended, as JSON, with the correlation of its job's request; an older release's knows no places, and was sent by it.
select to_json(p)::text as part, coalesce(j.correlation_id, p.part_id) as correlation
from render.render_parts p left join render.render_jobs j on j.tenant_id = p.tenant_id and j.job_id = p.subject_id
where p.state = 'active' and jsonb_array_length(p.places) = jsonb_array_length(p.keys) order by p.created_at, p.part_id;

-- name: job_specs
-- What jobs are to draw, as JSON.
select to_json(s)::text from render.job_specs s join unnest($1::uuid[], $2::uuid[]) as k(tenant_id, job_id) using (tenant_id, job_id);

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

-- name: snapshots
-- What snapshots are of.
select tenant_id, snapshot_id, spec::text as spec, frame from render.snapshots
join unnest($1::uuid[], $2::uuid[]) as k(tenant_id, snapshot_id) using (tenant_id, snapshot_id);

-- name: inspections
-- Uploaded files that wait for a node.
select tenant_id, file_id, object_key from render.inspections join unnest($1::uuid[], $2::uuid[]) as k(tenant_id, file_id) using (tenant_id, file_id);

-- name: node_protocols
-- Which protocol nodes speak, by their latest registration.
select node_id, epoch, protocol from render.render_nodes where tenant_id = $1 and node_id = any($2::uuid[]);
