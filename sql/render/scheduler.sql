-- name: active_nodes
-- Every node that offers slots.
select node_id, name, epoch, slots, engine_build, encoder_build from render.render_nodes where state = 'active';

-- name: open_jobs
-- Every job that has not ended, oldest first.
select tenant_id, job_id, state, priority, segments_total, engine_build, encoder_build, frames_total, frames_done, assemble_part_id
from render.render_jobs where state in ('queued', 'rendering', 'assembling') order by created_at, job_id;

-- name: open_segments
-- What open jobs still wait for.
select j.tenant_id, j.job_id, j.idx, j.segment_key, s.state
from render.job_segments j
join render.render_jobs r on r.tenant_id = j.tenant_id and r.job_id = j.job_id and r.state in ('queued', 'rendering')
join render.segments s on s.tenant_id = j.tenant_id and s.segment_key = j.segment_key and s.state <> 'done'
order by j.tenant_id, j.job_id, j.idx;

-- name: active_parts
-- Every lease that has not ended.
select tenant_id, part_id, kind, subject_id, node_id, node_epoch, keys::text as keys from render.render_parts where state = 'active';

-- name: open_inspections
-- Files that wait for a node.
select tenant_id, file_id from render.inspections where state = 'queued' order by created_at, file_id;
