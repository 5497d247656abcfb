-- name: project_by_id
-- One template.
select project_id, name, file_id, state, bundle_sha256, scene_count, presets, warnings, code, detail, version, created_at, updated_at
from read.projects
where tenant_id = $1 and project_id = $2;

-- name: projects
-- A tenant's templates, newest first.
select project_id, name, file_id, state, bundle_sha256, scene_count, presets, warnings, code, detail, version, created_at, updated_at
from read.projects
where tenant_id = $1 and (created_at, project_id) < ($2::timestamptz, $3::uuid)
order by created_at desc, project_id desc
limit $4;
