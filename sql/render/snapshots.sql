-- name: snapshots
-- What snapshots are of.
select tenant_id, snapshot_id, spec::text as spec, frame from render.snapshots
join unnest($1::uuid[], $2::uuid[]) as k(tenant_id, snapshot_id) using (tenant_id, snapshot_id);

-- name: next_stored_snapshot
-- The snapshot after a place, by its id.
select tenant_id, snapshot_id::text as name, object_key, sha256, bytes from render.snapshots
where state = 'done' and (tenant_id, snapshot_id) > ($1, $2::text::uuid) order by tenant_id, render.snapshots.snapshot_id limit 1;
