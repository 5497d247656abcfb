-- name: snapshot_by_id
-- One picture of a scene, with its object once it is drawn.
select snapshot_id, project_id, state, width, height, frame, cache_key, sha256, bytes, degraded, object_key, code, detail, field, warnings, version, created_at, updated_at
from read.snapshots
where tenant_id = $1 and snapshot_id = $2;
