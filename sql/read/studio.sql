-- name: saved_project_by_id
-- One filled template.
select saved_project_id, project_id, name, scenes, colours, preset, audio, version, created_at, updated_at
from read.saved_projects
where tenant_id = $1 and saved_project_id = $2;

-- name: saved_projects
-- A tenant's filled templates, newest first.
select saved_project_id, project_id, name, scenes, colours, preset, audio, version, created_at, updated_at
from read.saved_projects
where tenant_id = $1 and (created_at, saved_project_id) < ($2::timestamptz, $3::uuid)
order by created_at desc, saved_project_id desc
limit $4;
