-- name: object_look
-- What the scrubber found at its last look at an export or snapshot.
select object_key, found, checked_at from read.object_looks where tenant_id = $1 and kind = $2 and name = $3;
