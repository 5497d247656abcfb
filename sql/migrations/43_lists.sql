-- Tables and views as their entities declare them: rules under the names of their columns, views that name what they show, a secret in a view of its own.

set role identity_owner;
alter table identity.tenants rename constraint tenants_weight to tenants_render_weight;
alter table identity.tenants rename constraint tenants_slots to tenants_max_slots;
alter table identity.tenants rename constraint tenants_rate to tenants_requests_per_second;
alter table identity.tenant_api_keys rename constraint api_keys_state to tenant_api_keys_state;
alter table identity.tenant_api_keys rename constraint api_keys_format to tenant_api_keys_format;
alter index identity.api_keys_newest rename to tenant_api_keys_newest;
alter table identity.revealed_secrets add constraint revealed_secrets_what check (what in ('key', 'token'));
reset role;

set role content_owner;
alter table content.template_bundles rename constraint bundles_state to template_bundles_state;
alter table content.scene_elements rename constraint elements_kind to scene_elements_kind;
reset role;

set role studio_owner;
alter table studio.known_files
  add constraint known_files_kind check (kind in ('template', 'picture', 'audio', 'video', 'font', 'unknown'));
alter table studio.render_requests add constraint render_requests_quality check (quality in ('draft', 'standard', 'high'));
reset role;

set role file_mgr_owner;
alter table file_mgr.upload_sessions rename constraint uploads_state to upload_sessions_state;
alter table file_mgr.upload_sessions rename constraint uploads_bytes to upload_sessions_bytes;
alter index file_mgr.uploads_newest rename to upload_sessions_newest;
alter table file_mgr.files add constraint files_kind check (kind in ('template', 'picture', 'audio', 'video', 'font', 'unknown'));
reset role;

set role notification_owner;
alter table notification.notifications rename column id to notification_id;
reset role;

set role read_owner;
drop view read.tenants, read.api_keys, read.revealed_secrets, read.elements, read.saved_projects, read.uploads, read.files, read.notifications;
create view read.tenants as
  select tenant_id, version, created_at, updated_at, name, render_weight, max_slots, requests_per_second
  from identity.tenants;
create view read.api_keys as
  select tenant_id, version, created_at, updated_at, key_id, name, scopes, hint, state, format
  from identity.tenant_api_keys;
-- What an edge compares keys with; it is shown to nobody.
create view read.api_key_secrets as
  select tenant_id, key_id, name, scopes, secret_sha256, state from identity.tenant_api_keys;
create view read.revealed_secrets as
  select tenant_id, version, created_at, updated_at, command_id, what, thing_id
  from identity.revealed_secrets;
create view read.saved_projects as
  select tenant_id, version, created_at, updated_at, saved_project_id, project_id, name, scenes, colours, preset, audio, music_volume, sfx_volume,
    voiceover_volume, voiceover_file_id
  from studio.saved_projects;
create view read.uploads as
  select tenant_id, version, created_at, updated_at, upload_id, file_id, name, bytes, media_type, object_key, part_bytes, part_count, storage_id, etags,
    state, reason, sha256
  from file_mgr.upload_sessions;
create view read.files as
  select tenant_id, version, created_at, updated_at, file_id, upload_id, name, bytes, media_type, object_key, state, kind, sha256, width, height,
    duration, scan_key, code, detail
  from file_mgr.files;
create view read.notifications as
  select tenant_id, version, created_at, updated_at, notification_id, kind, title, body, subject_id, data, seen
  from notification.notifications;
grant select on read.tenants, read.api_keys, read.api_key_secrets, read.revealed_secrets, read.saved_projects, read.uploads, read.files, read.notifications
  to edge_ro;
reset role;
