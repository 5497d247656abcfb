-- file_mgr: uploads in parts and the files they become.

set role file_mgr_owner;

create table file_mgr.upload_sessions (
  tenant_id uuid not null, upload_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  file_id uuid not null, name text not null, bytes bigint not null constraint uploads_bytes check (bytes > 0), media_type text not null, object_key text not null,
  part_bytes bigint not null, part_count int not null, storage_id text not null, etags jsonb not null,
  state text not null constraint uploads_state check (state in ('started', 'open', 'completing', 'stored', 'aborted')), reason text not null,
  primary key (tenant_id, upload_id));

create table file_mgr.files (
  tenant_id uuid not null, file_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  upload_id uuid not null, name text not null, bytes bigint not null, media_type text not null, object_key text not null,
  state text not null constraint files_state check (state in ('inspecting', 'ready', 'rejected')),
  kind text not null, sha256 text not null, width int not null, height int not null, duration double precision not null, scan_key text not null,
  code text not null, detail text not null,
  primary key (tenant_id, file_id));

reset role;
select platform.guard('file_mgr.upload_sessions', 'event', 'multipart uploads, straight to object storage');
select platform.guard('file_mgr.files', 'event', 'files with what their inspection found');
