-- Bytes that cannot be replaced: hashes that were announced, the protocol that nodes speak, and looks at every kind of stored object.

set role file_mgr_owner;
alter table file_mgr.upload_sessions add column sha256 text not null default '';
alter table file_mgr.upload_sessions alter column sha256 drop default;
reset role;

set role render_owner;
alter table render.render_nodes add column protocol int not null default 2;
alter table render.render_nodes alter column protocol drop default;

alter table render.segment_scrubs rename to object_scrubs;
alter table render.object_scrubs rename column segment_key to name;
alter table render.object_scrubs add column kind text not null default 'segment'
  constraint object_scrubs_kind check (kind in ('segment', 'export', 'snapshot'));
alter table render.object_scrubs alter column kind drop default;
alter table render.object_scrubs rename constraint segment_scrubs_found to object_scrubs_found;
alter table render.object_scrubs drop constraint segment_scrubs_pkey, add constraint object_scrubs_pkey primary key (tenant_id, kind, name);
alter index render.segment_scrubs_latest rename to object_scrubs_latest;
comment on table render.object_scrubs is 'telemetry: when each stored object was looked at last, and what was found';
grant select on render.object_scrubs to read_owner;
reset role;

set role read_owner;
create or replace view read.uploads as select * from file_mgr.upload_sessions;
create view read.object_looks as select tenant_id, kind, name, object_key, found, checked_at from render.object_scrubs;
grant select on read.object_looks to edge_ro;
reset role;
