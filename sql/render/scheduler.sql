-- name: shares
-- Every tenant's share of the farm.
select tenant_id, render_weight, max_slots from render.tenant_shares;

-- name: active_nodes
-- Every node that is there, whether it is given work or not.
select node_id, name, epoch, slots, engine_build, encoder_build, capabilities::text as capabilities, bundles::text as bundles, service
from render.render_nodes where state = 'active' order by name, node_id;

-- name: open_jobs
-- Every job that has not ended, oldest first.
select j.tenant_id, j.job_id, j.state, j.priority, j.segments_total, j.engine_build, j.encoder_build, j.assemble_part_id, j.deadline, j.paused,
       j.needs::text as needs, j.correlation_id, jsonb_path_query_array(s.spec, '$.scenes[*].bundle')::text as bundles
from render.render_jobs j join render.job_specs s using (tenant_id, job_id)
where j.state in ('queued', 'rendering', 'assembling') order by j.created_at, j.job_id;

-- name: open_segments
-- What open jobs still wait for.
select j.tenant_id, j.job_id, j.idx, j.segment_key, j.frames, s.state, s.avoid::text as avoid
from render.job_segments j
join render.render_jobs r on r.tenant_id = j.tenant_id and r.job_id = j.job_id and r.state in ('queued', 'rendering')
join render.segments s on s.tenant_id = j.tenant_id and s.segment_key = j.segment_key and s.state <> 'done'
order by j.tenant_id, j.job_id, j.idx;

-- name: active_parts
-- Every lease that has not ended.
select tenant_id, part_id, kind, subject_id, node_id, node_epoch, keys::text as keys from render.render_parts where state = 'active';

-- name: lately_crashed
-- What died on nodes within the last hour, by kind; frames that differ among it.
select kind, count(*) as count from render.node_crashes where tenant_id = $1 and created_at > now() - interval '1 hour' group by kind;
