-- name: upload_by_id
-- One upload.
select upload_id, file_id, name, bytes, media_type, state, part_bytes, part_count, sha256, reason, object_key, storage_id, version, created_at, updated_at
from read.uploads
where tenant_id = $1 and upload_id = $2;

-- name: uploads
-- A tenant's uploads, newest first.
select upload_id, file_id, name, bytes, media_type, state, part_bytes, part_count, sha256, reason, object_key, storage_id, version, created_at, updated_at
from read.uploads
where tenant_id = $1 and (created_at, upload_id) < ($2::timestamptz, $3::uuid)
order by created_at desc, upload_id desc
limit $4;

-- name: file_by_id
-- One file.
select file_id, name, kind, state, bytes, media_type, sha256, width, height, duration, code, detail, object_key, version, created_at, updated_at
from read.files
where tenant_id = $1 and file_id = $2;

-- name: files
-- A tenant's files, newest first.
select file_id, name, kind, state, bytes, media_type, sha256, width, height, duration, code, detail, object_key, version, created_at, updated_at
from read.files
where tenant_id = $1 and (created_at, file_id) < ($2::timestamptz, $3::uuid)
order by created_at desc, file_id desc
limit $4;
