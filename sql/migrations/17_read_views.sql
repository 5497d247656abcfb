-- The schema `read`: all that the edge may see. Its views run by their owner under the same forced row-level security.

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('grant select on all tables in schema %I to read_owner', domain);
  end loop;
end $$;
grant usage on schema log to read_owner;
grant select on log.events to read_owner;

set role read_owner;

create view read.operations as
  select 'identity' as domain, tenant_id, id, type, state, request_hash, outcome, decided_at from identity.inbox
  union all select 'content', tenant_id, id, type, state, request_hash, outcome, decided_at from content.inbox
  union all select 'studio', tenant_id, id, type, state, request_hash, outcome, decided_at from studio.inbox
  union all select 'render', tenant_id, id, type, state, request_hash, outcome, decided_at from render.inbox
  union all select 'file_mgr', tenant_id, id, type, state, request_hash, outcome, decided_at from file_mgr.inbox
  union all select 'notification', tenant_id, id, type, state, request_hash, outcome, decided_at from notification.inbox;
create view read.tenants as select * from identity.tenants;
create view read.api_keys as select * from identity.tenant_api_keys;
create view read.uploads as select * from file_mgr.upload_sessions;
create view read.files as select * from file_mgr.files;
create view read.projects as
  select p.*, (select coalesce(json_agg(json_build_object('key', c.key, 'title', c.title, 'colours', c.colours) order by c.key), '[]')
               from content.colour_presets c where c.tenant_id = p.tenant_id and c.project_id = p.project_id) as presets
  from content.projects p;
create view read.scenes as
  select s.*, (select coalesce(json_agg(json_build_object('key', e.key, 'kind', e.kind, 'title', e.title, 'default', e.preset, 'shared', e.shared,
                                                          'width', e.width, 'height', e.height) order by e.position), '[]')
               from content.scene_elements e where e.tenant_id = s.tenant_id and e.project_id = s.project_id and e.scene_key = s.key) as elements
  from content.scenes s;
create view read.elements as select * from content.scene_elements;
create view read.saved_projects as select * from studio.saved_projects;
-- A render that was just asked for is there at once, before the render domain has heard of it.
create view read.renders as
  select j.*, e.object_key, e.sha256, e.bytes, e.duration, e.packets_sha256, coalesce(e.degraded, false) as degraded
  from render.render_jobs j left join render.exports e on e.tenant_id = j.tenant_id and e.job_id = j.job_id
  union all
  select q.tenant_id, q.job_id, 0, q.created_at, q.updated_at, 'queued', q.spec_sha256, q.priority, q.width, q.height, q.rate_num, q.rate_den, q.quality, false,
         q.frames_total, 0, 0, 0, '', '', null, 0, '[]', q.metadata, '', '', '', null, null, null, null, null, false
  from studio.render_requests q
  where not exists (select from render.render_jobs j where j.tenant_id = q.tenant_id and j.job_id = q.job_id);
create view read.render_parts as select * from render.render_parts;
create view read.segments as
  select j.tenant_id, j.job_id, j.idx, j.scene, j.first, j.frames, s.segment_key, s.state, s.epoch, s.node_id, s.sha256, s.bytes, s.difference, s.seconds, s.degraded
  from render.job_segments j join render.segments s on s.tenant_id = j.tenant_id and s.segment_key = j.segment_key;
create view read.nodes as select * from render.render_nodes;
create view read.node_crashes as select * from render.node_crashes;
create view read.notifications as select * from notification.notifications;
create view read.log_events as select * from log.events;
create view read.log_head as select coalesce(max(position), 0) as position from log.events;

grant select on all tables in schema read to edge_ro;
reset role;
