-- name: notifications
-- A tenant's notifications, newest first, all of them or only those that were seen or not.
select id as notification_id, kind, title, body, subject_id, data, seen, version, created_at, updated_at
from read.notifications
where tenant_id = $1 and ($2::boolean is null or seen = $2) and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid))
order by created_at desc, id desc
limit $5;
