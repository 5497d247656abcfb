-- Lists cost what a page costs: each is read along an index in the order in which it is shown, by each of its filters too.

set role identity_owner;
create index api_keys_newest on identity.tenant_api_keys (tenant_id, created_at desc, key_id desc);
reset role;

set role content_owner;
create index projects_newest on content.projects (tenant_id, created_at desc, project_id desc);
create index scenes_in_order on content.scenes (tenant_id, project_id, position);
reset role;

set role studio_owner;
create index saved_projects_newest on studio.saved_projects (tenant_id, created_at desc, saved_project_id desc);
create index render_requests_newest on studio.render_requests (tenant_id, created_at desc, job_id desc);
reset role;

set role file_mgr_owner;
create index uploads_newest on file_mgr.upload_sessions (tenant_id, created_at desc, upload_id desc);
create index files_newest on file_mgr.files (tenant_id, created_at desc, file_id desc);
reset role;

set role notification_owner;
create index notifications_newest on notification.notifications (tenant_id, created_at desc, id desc);
create index notifications_by_seen on notification.notifications (tenant_id, seen, created_at desc, id desc);
reset role;

set role render_owner;
-- An index that ends in an id the other way round gives no order: what has one moment is sorted.
drop index render.render_jobs_newest;
create index render_jobs_newest on render.render_jobs (tenant_id, created_at desc, job_id desc);
create index render_jobs_by_state on render.render_jobs (tenant_id, state, created_at desc, job_id desc);
create index render_parts_newest on render.render_parts (tenant_id, subject_id, created_at desc, part_id desc);
drop index render.frame_repair_jobs_of_job;
create index frame_repair_jobs_of_job on render.frame_repair_jobs (tenant_id, job_id, created_at desc, repair_id desc);
drop index render.join_tokens_newest;
create index join_tokens_newest on render.join_tokens (tenant_id, created_at desc, token_id desc);
create index render_nodes_by_name on render.render_nodes (tenant_id, name, node_id);
drop index render.node_crashes_newest;
create index node_crashes_newest on render.node_crashes (tenant_id, created_at desc, crash_id desc);
drop index render.node_crashes_by_node;
create index node_crashes_by_node on render.node_crashes (tenant_id, node_id, created_at desc, crash_id desc);
create index node_crashes_by_kind on render.node_crashes (tenant_id, kind, created_at desc, crash_id desc);
create index node_crashes_by_node_and_kind on render.node_crashes (tenant_id, node_id, kind, created_at desc, crash_id desc);
create index node_crashes_by_subject on render.node_crashes (tenant_id, subject_id, created_at);
create index templates_set_aside on render.templates (tenant_id, template) where state = 'set_aside';
reset role;

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('set role %I', domain || '_owner');
    execute format('create index effects_newest on %I.effects (tenant_id, created_at desc, id desc)', domain);
    reset role;
  end loop;
end $$;

set role log_owner;
create index archives_unsorted on log.archives (last) where format = 1;
reset role;

-- Renders as a list reads them, from either side: jobs, and what was asked for, which may have no job yet.
set role read_owner;
create view read.submitted_renders as
  select j.tenant_id, j.job_id, j.version, j.created_at, j.updated_at, j.state, j.spec_sha256, j.priority, j.width, j.height, j.rate_num, j.rate_den, j.quality,
         j.has_voiceover, j.frames_total, j.frames_done, j.segments_total, j.segments_done, j.engine_build, j.encoder_build, j.assemble_part_id,
         j.assemble_attempts, j.warnings, j.metadata, j.code, j.detail, j.field, j.deadline, j.needs, j.paused, j.correlation_id,
         e.object_key, e.sha256, e.bytes, e.duration, e.packets_sha256, coalesce(e.degraded, false) as degraded
  from render.render_jobs j left join render.exports e on e.tenant_id = j.tenant_id and e.job_id = j.job_id;
create view read.requested_renders as
  select q.tenant_id, q.job_id, 0::bigint as version, q.created_at, q.updated_at, 'queued' as state, q.spec_sha256, q.priority, q.width, q.height,
         q.rate_num, q.rate_den, q.quality, false as has_voiceover, q.frames_total, 0 as frames_done, 0 as segments_total, 0 as segments_done,
         '' as engine_build, '' as encoder_build, null::uuid as assemble_part_id, 0 as assemble_attempts, '[]'::jsonb as warnings, q.metadata,
         '' as code, '' as detail, '' as field, null::timestamptz as deadline, '{}'::jsonb as needs, false as paused, null::uuid as correlation_id,
         null::text as object_key, null::text as sha256, null::bigint as bytes, null::double precision as duration, null::text as packets_sha256,
         false as degraded
  from studio.render_requests q;
create or replace view read.renders as
  select * from read.submitted_renders
  union all
  select * from read.requested_renders q
  where not exists (select from read.submitted_renders j where j.tenant_id = q.tenant_id and j.job_id = q.job_id);
grant select on read.submitted_renders, read.requested_renders to edge_ro;
reset role;
