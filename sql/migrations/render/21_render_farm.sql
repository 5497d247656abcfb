-- render: steering of jobs and nodes, what keeps failing, tenants' shares.

set role render_owner;

alter table render.render_jobs
  add column deadline timestamptz,
  add column needs jsonb not null default '{}',
  add column paused boolean not null default false,
  add column correlation_id uuid;
alter table render.render_jobs alter column needs drop default, alter column paused drop default;
-- What earlier releases did not keep, the log knows.
reset role;
update render.render_jobs j set correlation_id = e.correlation_id
from log.events e
where e.type = 'evt.render.job.submitted.v1' and e.tenant_id = j.tenant_id and (e.body::jsonb ->> 'job_id')::uuid = j.job_id;
set role render_owner;

alter table render.render_nodes
  add column capabilities jsonb not null default '{}',
  add column bundles jsonb not null default '[]',
  add column service text not null default 'open' constraint nodes_service check (service in ('open', 'draining', 'maintenance', 'set_aside')),
  add column service_reason text not null default '',
  add column service_until timestamptz,
  add column set_asides int not null default 0,
  add column suspects jsonb not null default '[]';
alter table render.render_nodes
  alter column capabilities drop default, alter column bundles drop default, alter column service drop default, alter column service_reason drop default,
  alter column set_asides drop default, alter column suspects drop default;

-- Segments whose last drawing failed on these nodes go elsewhere first.
alter table render.segments add column avoid jsonb not null default '[]';
alter table render.segments alter column avoid drop default;

create index node_crashes_newest on render.node_crashes (tenant_id, created_at desc, crash_id);

create index render_parts_running on render.render_parts (tenant_id) where state = 'active';

create table render.templates (
  tenant_id uuid not null, template text not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  state text not null constraint templates_state check (state in ('open', 'set_aside')), crashed_on jsonb not null, reason text not null,
  primary key (tenant_id, template));

create table render.tenant_shares (
  tenant_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  render_weight int not null constraint shares_weight check (render_weight between 1 and 100),
  max_slots int not null constraint shares_slots check (max_slots > 0),
  primary key (tenant_id));

reset role;
select platform.guard('render.templates', 'event', 'templates that ended engines: on which nodes, and whether they are set aside');
select platform.guard('render.tenant_shares', 'event', 'the weight and the limit of slots of each tenant');

set role render_owner;
grant select on all tables in schema render to read_owner;
reset role;
set role read_owner;

drop view read.renders;
-- A render that was just asked for is there at once, before the render domain has heard of it.
create view read.renders as
  select j.tenant_id, j.job_id, j.version, j.created_at, j.updated_at, j.state, j.spec_sha256, j.priority, j.width, j.height, j.rate_num, j.rate_den, j.quality,
         j.has_voiceover, j.frames_total, j.frames_done, j.segments_total, j.segments_done, j.engine_build, j.encoder_build, j.assemble_part_id,
         j.assemble_attempts, j.warnings, j.metadata, j.code, j.detail, j.field, j.deadline, j.needs, j.paused, j.correlation_id,
         e.object_key, e.sha256, e.bytes, e.duration, e.packets_sha256, coalesce(e.degraded, false) as degraded
  from render.render_jobs j left join render.exports e on e.tenant_id = j.tenant_id and e.job_id = j.job_id
  union all
  select q.tenant_id, q.job_id, 0, q.created_at, q.updated_at, 'queued', q.spec_sha256, q.priority, q.width, q.height, q.rate_num, q.rate_den, q.quality,
         false, q.frames_total, 0, 0, 0, '', '', null,
         0, '[]', q.metadata, '', '', '', null, '{}', false, null,
         null, null, null, null, null, false
  from studio.render_requests q
  where not exists (select from render.render_jobs j where j.tenant_id = q.tenant_id and j.job_id = q.job_id);
drop view read.nodes;
create view read.nodes as select * from render.render_nodes;
create view read.templates_set_aside as select * from render.templates where state = 'set_aside';
create view read.tenant_shares as select * from render.tenant_shares;
grant select on read.renders, read.nodes, read.templates_set_aside, read.tenant_shares to edge_ro;
reset role;
