-- name: repairs_of_render
-- What of one render was drawn again, newest first.
select repair_id, job_id, state, cause, reason, frames, before, after, identical, code, detail, version, created_at, updated_at
from read.frame_repairs
where tenant_id = $1 and job_id = $2 and (created_at, repair_id) < ($3::timestamptz, $4::uuid)
order by created_at desc, repair_id desc
limit $5;
