-- Tables and views as their entities declare them.

set role notification_owner;
alter table notification.notifications rename column id to notification_id;
reset role;

set role read_owner;
drop view read.notifications;
create view read.notifications as
  select tenant_id, version, created_at, updated_at, notification_id, kind, title, body, subject_id, data, seen
  from notification.notifications;
grant select on read.notifications to edge_ro;
reset role;
