-- name: templates_set_aside
-- A tenant's templates that are not drawn.
select template, reason, crashed_on, version, created_at, updated_at
from read.templates_set_aside
where tenant_id = $1 and template > $2::text
order by template
limit $3;
