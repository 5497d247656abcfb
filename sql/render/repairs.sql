-- name: stored_segments_of_job
-- Every stored segment of one job, each once.
select distinct s.segment_key, s.object_key, s.sha256
from render.job_segments j join render.segments s using (tenant_id, segment_key)
where j.tenant_id = $1 and j.job_id = $2 and s.state = 'done';

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
