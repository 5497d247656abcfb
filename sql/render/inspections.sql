-- name: inspections
-- Uploaded files that wait for a node.
select tenant_id, file_id, object_key from render.inspections join unnest($1::uuid[], $2::uuid[]) as k(tenant_id, file_id) using (tenant_id, file_id);
