-- notification: what people are told in the app.

set role notification_owner;

create table notification.notifications (
  tenant_id uuid not null, id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  kind text not null, title text not null, body text not null, subject_id uuid not null, data jsonb not null, seen boolean not null,
  primary key (tenant_id, id));

reset role;
select platform.guard('notification.notifications', 'event', 'in-app notifications');
