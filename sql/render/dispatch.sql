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

-- name: files
-- Where the bytes of these files lie.
select tenant_id, sha256, object_key from render.files join unnest($1::uuid[], $2::text[]) as k(tenant_id, sha256) using (tenant_id, sha256);

-- name: node_protocols
-- Which protocol nodes speak, by their latest registration.
select node_id, epoch, protocol from render.render_nodes where tenant_id = $1 and node_id = any($2::uuid[]);
