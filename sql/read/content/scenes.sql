-- name: scenes_of_project
-- The scenes of one template, each with what can be changed in it as a JSON list, in order.
select project_id, scene_id, position, key, title, width, height, rate, duration, fonts, warnings, elements, version, created_at, updated_at
from read.scenes
where tenant_id = $1 and project_id = $2 and position > $3::bigint
order by position
limit $4;
