-- render: segments that are drawn once more, and when each stored segment was looked at last.

set role render_owner;

create table render.frame_repair_jobs (
  tenant_id uuid not null, repair_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  job_id uuid not null,
  state text not null constraint repairs_state check (state in ('drawing', 'checking', 'assembling', 'done', 'failed', 'cancelled')),
  is_open boolean not null constraint repairs_open check (is_open = (state in ('drawing', 'checking', 'assembling'))),
  cause text not null constraint repairs_cause check (cause in ('person', 'rot', 'missing')),
  reason text not null, frames jsonb not null, before jsonb not null, after jsonb not null, identical boolean not null, rejoin boolean not null,
  redrawing jsonb, failures int not null, code text not null, detail text not null,
  primary key (tenant_id, repair_id),
  foreign key (tenant_id, job_id) references render.render_jobs deferrable initially deferred,
  constraint repairs_failure_has_code check (state <> 'failed' or code <> ''));
create index frame_repair_jobs_of_job on render.frame_repair_jobs (tenant_id, job_id, created_at desc);
create index frame_repair_jobs_open on render.frame_repair_jobs (tenant_id, job_id, is_open);

alter table render.segments add column repair_id uuid,
  add column seam_before text not null default '', add column seam_last text not null default '';
alter table render.segments alter column seam_before drop default, alter column seam_last drop default;
create index segments_in_repair on render.segments (tenant_id, repair_id) where repair_id is not null;

create table render.segment_scrubs (
  tenant_id uuid not null, segment_key text not null, checked_at timestamptz not null, object_key text not null,
  found text not null constraint segment_scrubs_found check (found in ('whole', 'rot', 'missing')),
  primary key (tenant_id, segment_key));
create index segment_scrubs_latest on render.segment_scrubs (checked_at desc);

grant select on render.frame_repair_jobs to read_owner;
reset role;
select platform.guard('render.frame_repair_jobs', 'event', 'segments drawn once more: who asked, what each was before and is after');
select platform.guard('render.segment_scrubs', 'telemetry', 'when each stored segment was looked at last, and what was found');

set role read_owner;
create view read.frame_repairs as select * from render.frame_repair_jobs;
grant select on read.frame_repairs to edge_ro;
reset role;
