-- studio: people's own copies of templates, and what studio has learned of templates and files from other domains' events.

set role studio_owner;

create table studio.templates (
  tenant_id uuid not null, project_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  bundle_sha256 text not null, scene_count int not null, presets jsonb not null,
  primary key (tenant_id, project_id));

create table studio.template_scenes (
  tenant_id uuid not null, project_id uuid not null, scene text not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  position int not null, width int not null, height int not null, rate double precision not null, duration double precision not null,
  digest text not null, elements jsonb not null, fonts jsonb not null, warnings jsonb not null,
  primary key (tenant_id, project_id, scene));

create table studio.known_files (
  tenant_id uuid not null, file_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  kind text not null, sha256 text not null, duration double precision not null,
  primary key (tenant_id, file_id));

create table studio.saved_projects (
  tenant_id uuid not null, saved_project_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  project_id uuid not null, -- soft reference to content.projects
  name text not null, scenes jsonb not null, colours jsonb not null, preset text, audio jsonb not null,
  music_volume double precision not null, sfx_volume double precision not null, voiceover_volume double precision not null, voiceover_file_id uuid,
  primary key (tenant_id, saved_project_id));

create table studio.render_requests (
  tenant_id uuid not null, job_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  project_id uuid not null, saved_project_id uuid, spec_sha256 text not null, priority int not null,
  width int not null, height int not null, rate_num int not null, rate_den int not null, quality text not null, frames_total int not null, metadata jsonb not null,
  primary key (tenant_id, job_id));

reset role;
select platform.guard('studio.templates', 'event', 'what studio knows of templates, from content''s events');
select platform.guard('studio.template_scenes', 'event', 'what studio knows of scenes, from content''s events');
select platform.guard('studio.known_files', 'event', 'what studio knows of files, from file_mgr''s events');
select platform.guard('studio.saved_projects', 'event', 'filled templates');
select platform.guard('studio.render_requests', 'event', 'renders that were asked for, by the hash of their frozen spec');
