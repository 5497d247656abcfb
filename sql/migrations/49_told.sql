-- What nodes notice while they draw stands at segments, renders and pictures; saved projects say how the film looks.

set role render_owner;
alter table render.segments add column warnings jsonb not null default '[]';
alter table render.segments alter column warnings drop default;
alter table render.snapshots add column warnings jsonb not null default '[]';
alter table render.snapshots alter column warnings drop default;
reset role;

set role studio_owner;
alter table studio.saved_projects
  add column fonts jsonb not null default '[]',
  add column width int,
  add column height int,
  add column rate jsonb,
  add column quality text constraint saved_projects_quality check (quality in ('draft', 'standard', 'high')),
  add column background text;
alter table studio.saved_projects alter column fonts drop default;
reset role;

set role read_owner;
drop view read.snapshots, read.saved_projects;
-- One that was just asked for is there at once, before the render domain has heard of it.
create view read.snapshots as
  select q.tenant_id, q.snapshot_id, q.project_id, q.cache_key, q.width, q.height, q.frame,
         coalesce(s.state, 'queued') as state, coalesce(s.object_key, '') as object_key, coalesce(s.sha256, '') as sha256, coalesce(s.bytes, 0) as bytes,
         coalesce(s.degraded, false) as degraded, coalesce(s.code, '') as code, coalesce(s.detail, '') as detail, coalesce(s.field, '') as field,
         coalesce(s.warnings, '[]') as warnings,
         coalesce(s.version, 0) as version, q.created_at, coalesce(s.updated_at, q.updated_at) as updated_at
  from studio.snapshot_requests q left join render.snapshots s on s.tenant_id = q.tenant_id and s.snapshot_id = q.snapshot_id;
create view read.saved_projects as
  select tenant_id, version, created_at, updated_at, saved_project_id, project_id, name, scenes, colours, preset, audio, music_volume, sfx_volume,
    voiceover_volume, voiceover_file_id, fonts, width, height, rate, quality, background
  from studio.saved_projects;
grant select on read.snapshots, read.saved_projects to edge_ro;
reset role;
