-- name: upload
-- What the store needs to know of an upload.
select object_key, storage_id, etags::text as etags, part_count, sha256 from file_mgr.upload_sessions where tenant_id = $1 and upload_id = $2;
