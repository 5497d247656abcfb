-- name: notifications
-- A tenant's notifications, newest first, all of them or only those that were seen or not.
select notification_id, kind, title, body, subject_id, data, seen, version, created_at, updated_at
from (
  (select * from read.notifications
   where $2::boolean is null and tenant_id = $1 and (created_at, notification_id) < ($3::timestamptz, $4::uuid)
   order by created_at desc, notification_id desc limit $5)
  union all
  (select * from read.notifications
   where seen = $2 and tenant_id = $1 and (created_at, notification_id) < ($3::timestamptz, $4::uuid)
   order by created_at desc, notification_id desc limit $5)) n
order by created_at desc, notification_id desc
limit $5;
