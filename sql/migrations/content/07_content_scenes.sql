-- content: a template's scenes and what can be changed in them.

set role content_owner;

create table content.scenes (
  tenant_id uuid not null, project_id uuid not null, key text not null, scene_id uuid not null,
  version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  position int not null, title text not null, width int not null, height int not null, rate double precision not null,
  duration double precision not null constraint scenes_duration check (duration > 0),
  digest text not null, fonts jsonb not null, warnings jsonb not null, snapshot_url text not null,
  primary key (tenant_id, project_id, key), constraint scenes_id unique (tenant_id, scene_id),
  foreign key (tenant_id, project_id) references content.projects deferrable initially deferred);

create table content.scene_elements (
  tenant_id uuid not null, project_id uuid not null, scene_key text not null, key text not null,
  version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  position int not null, kind text not null constraint elements_kind check (kind in ('text', 'image', 'colour')),
  title text not null, preset text not null, shared boolean not null, width int not null, height int not null,
  primary key (tenant_id, project_id, scene_key, key),
  foreign key (tenant_id, project_id, scene_key) references content.scenes (tenant_id, project_id, key) deferrable initially deferred);

reset role;
select platform.guard('content.scenes', 'event', 'scenes of templates; sizes in pixels, durations in seconds');
select platform.guard('content.scene_elements', 'event', 'texts, pictures and colours of scenes');
