-- name: upload_place_by_id
-- Where an upload's parts lie in the store; it is shown to nobody.
select state, part_count, object_key, storage_id from read.uploads where tenant_id = $1 and upload_id = $2;
