-- Snapshots: single frames of scenes as pictures, who asked for them, and the kind of work that draws them.

set role studio_owner;

create table studio.snapshot_requests (
  tenant_id uuid not null, snapshot_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  project_id uuid not null, cache_key text not null, width int not null, height int not null, frame int not null,
  primary key (tenant_id, snapshot_id));
grant select on studio.snapshot_requests to read_owner;

reset role;
set role render_owner;

create table render.snapshots (
  tenant_id uuid not null, snapshot_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  cache_key text not null, spec jsonb not null, frame int not null constraint snapshots_frame check (frame >= 0),
  state text not null constraint snapshots_state check (state in ('queued', 'assigned', 'done', 'failed')), attempts int not null,
  object_key text not null, sha256 text not null, bytes bigint not null, degraded boolean not null,
  code text not null, detail text not null, field text not null,
  primary key (tenant_id, snapshot_id),
  constraint snapshots_stored check ((state = 'done') <= (object_key <> '' and sha256 <> '')),
  constraint snapshots_failure_has_code check (state <> 'failed' or code <> ''));
grant select on render.snapshots to read_owner;
create index snapshots_open on render.snapshots (created_at) where state in ('queued', 'assigned');

alter table render.render_parts drop constraint parts_kind,
  add constraint parts_kind check (kind in ('render', 'inspect', 'snapshot', 'assemble')) not valid;

reset role;
select platform.guard('studio.snapshot_requests', 'event', 'which pictures of scenes were asked for');
select platform.guard('render.snapshots', 'event', 'single frames of scenes as pictures, each question once');

set role read_owner;
-- One that was just asked for is there at once, before the render domain has heard of it.
create view read.snapshots as
  select q.tenant_id, q.snapshot_id, q.project_id, q.cache_key, q.width, q.height, q.frame,
         coalesce(s.state, 'queued') as state, coalesce(s.object_key, '') as object_key, coalesce(s.sha256, '') as sha256, coalesce(s.bytes, 0) as bytes,
         coalesce(s.degraded, false) as degraded, coalesce(s.code, '') as code, coalesce(s.detail, '') as detail, coalesce(s.field, '') as field,
         coalesce(s.version, 0) as version, q.created_at, coalesce(s.updated_at, q.updated_at) as updated_at
  from studio.snapshot_requests q left join render.snapshots s on s.tenant_id = q.tenant_id and s.snapshot_id = q.snapshot_id;
grant select on read.snapshots to edge_ro;
reset role;
