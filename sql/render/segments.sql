-- name: next_stored_segment
-- The stored segment after a place in the order of keys: round and round, the one that was looked at longest ago comes next.
select tenant_id, segment_key as name, object_key, sha256, bytes from render.segments
where state = 'done' and (tenant_id, segment_key) > ($1, $2) order by tenant_id, segment_key limit 1;
