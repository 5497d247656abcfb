-- content: templates (projects), the bundles they come from, and their colour presets.

set role content_owner;

create table content.template_bundles (
  tenant_id uuid not null, file_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  state text not null constraint bundles_state check (state in ('awaited', 'ready', 'rejected')),
  sha256 text not null, scan_key text not null, code text not null, detail text not null,
  primary key (tenant_id, file_id));

create table content.projects (
  tenant_id uuid not null, project_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  name text not null, file_id uuid not null, -- soft reference to file_mgr.files
  state text not null constraint projects_state check (state in ('waiting', 'importing', 'published', 'failed')),
  bundle_sha256 text not null, scan_key text not null, scene_count int not null, warnings jsonb not null, code text not null, detail text not null,
  primary key (tenant_id, project_id));
create index projects_by_file on content.projects (tenant_id, file_id);

create table content.colour_presets (
  tenant_id uuid not null, project_id uuid not null, key text not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  title text not null, colours jsonb not null,
  primary key (tenant_id, project_id, key),
  foreign key (tenant_id, project_id) references content.projects deferrable initially deferred);

reset role;
select platform.guard('content.template_bundles', 'event', 'what is known of uploaded template files');
select platform.guard('content.projects', 'event', 'templates');
select platform.guard('content.colour_presets', 'event', 'named sets of a template''s shared colours');
