-- render: jobs, the segments they need, the leases under which nodes draw them, inspections, exports.

set role render_owner;

create table render.render_jobs (
  tenant_id uuid not null, job_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  state text not null constraint jobs_state check (state in ('awaiting_credit', 'queued', 'rendering', 'assembling', 'completed', 'failed', 'cancelled')),
  spec_sha256 text not null, priority int not null constraint jobs_priority check (priority between 0 and 100),
  width int not null, height int not null, rate_num int not null, rate_den int not null, quality text not null, has_voiceover boolean not null,
  frames_total int not null, frames_done int not null, segments_total int not null, segments_done int not null,
  engine_build text not null, encoder_build text not null, assemble_part_id uuid, assemble_attempts int not null,
  warnings jsonb not null, metadata jsonb not null, code text not null, detail text not null, field text not null,
  primary key (tenant_id, job_id),
  constraint jobs_done check (segments_done <= segments_total and frames_done <= frames_total),
  constraint jobs_failure_has_code check (state <> 'failed' or code <> ''));
create index render_jobs_open on render.render_jobs (created_at) where state in ('awaiting_credit', 'queued', 'rendering', 'assembling');
create index render_jobs_newest on render.render_jobs (tenant_id, created_at desc, job_id);

create table render.job_specs (
  tenant_id uuid not null, job_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  spec jsonb not null, primary key (tenant_id, job_id));

create table render.segments (
  tenant_id uuid not null, segment_key text not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  state text not null constraint segments_state check (state in ('ready', 'drawing', 'done')),
  frames int not null constraint segments_frames check (frames > 0),
  part_id uuid, epoch bigint not null, attempts int not null, node_id uuid, object_key text not null, sha256 text not null, bytes bigint not null,
  difference double precision not null, seconds double precision not null, degraded boolean not null,
  primary key (tenant_id, segment_key),
  constraint segments_held check ((state = 'drawing') <= (part_id is not null)),
  constraint segments_stored check ((state = 'done') <= (object_key <> '' and sha256 <> '')));

create table render.job_segments (
  tenant_id uuid not null, job_id uuid not null, idx int not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  segment_key text not null, scene int not null, first int not null, frames int not null,
  primary key (tenant_id, job_id, idx),
  foreign key (tenant_id, segment_key) references render.segments deferrable initially deferred,
  foreign key (tenant_id, job_id) references render.render_jobs deferrable initially deferred);
create index job_segments_by_key on render.job_segments (tenant_id, segment_key);

create table render.render_parts (
  tenant_id uuid not null, part_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  kind text not null constraint parts_kind check (kind in ('render', 'inspect', 'assemble')),
  subject_id uuid not null, node_id uuid not null, node_epoch bigint not null, epoch bigint not null, first int not null, count int not null, keys jsonb not null,
  state text not null constraint parts_state check (state in ('active', 'done', 'failed', 'expired', 'cancelled')), detail text not null,
  primary key (tenant_id, part_id));
create index render_parts_by_subject on render.render_parts (tenant_id, subject_id, state);
create index render_parts_active on render.render_parts (node_id) where state = 'active';

create table render.exports (
  tenant_id uuid not null, job_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  object_key text not null, sha256 text not null, bytes bigint not null, frames int not null, duration double precision not null,
  packets_sha256 text not null, degraded boolean not null,
  primary key (tenant_id, job_id),
  foreign key (tenant_id, job_id) references render.render_jobs deferrable initially deferred);

create table render.inspections (
  tenant_id uuid not null, file_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  name text not null, bytes bigint not null, object_key text not null,
  state text not null constraint inspections_state check (state in ('queued', 'assigned', 'ended')), attempts int not null, code text not null, detail text not null,
  primary key (tenant_id, file_id));
create index inspections_open on render.inspections (created_at) where state <> 'ended';

create table render.files (
  tenant_id uuid not null, sha256 text not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  file_id uuid not null, kind text not null, bytes bigint not null, object_key text not null,
  primary key (tenant_id, sha256));

reset role;
select platform.guard('render.render_jobs', 'event', 'renders from submission to their end');
select platform.guard('render.job_specs', 'event', 'what each job is to draw, frozen');
select platform.guard('render.segments', 'event', 'closed GOPs by content key: drawn once, used by every job that needs them');
select platform.guard('render.job_segments', 'event', 'which segment stands where in which job');
select platform.guard('render.render_parts', 'event', 'leases: which node was given what under which epoch, and how it ended');
select platform.guard('render.exports', 'event', 'finished videos');
select platform.guard('render.inspections', 'event', 'uploaded files that nodes open');
select platform.guard('render.files', 'event', 'where the bytes of usable files lie, by content');
