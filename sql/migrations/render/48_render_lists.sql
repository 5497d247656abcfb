-- render: tables and views as their entities declare them: rules and indexes under the names of their columns, views that name what they show, and
-- the hashes of secrets in views of their own.

set role render_owner;
alter table render.render_nodes rename constraint nodes_state to render_nodes_state;
alter table render.render_nodes rename constraint nodes_slots to render_nodes_slots;
alter table render.render_nodes rename constraint nodes_service to render_nodes_service;
alter table render.node_crashes rename constraint crashes_kind to node_crashes_kind;
alter table render.render_jobs rename constraint jobs_state to render_jobs_state;
alter table render.render_jobs rename constraint jobs_priority to render_jobs_priority;
alter table render.render_jobs add constraint render_jobs_quality check (quality in ('draft', 'standard', 'high'));
alter index render.job_segments_by_key rename to job_segments_by_segment_key;
alter table render.segments
  add constraint segments_seam_before check (char_length(seam_before) <= 400),
  add constraint segments_seam_last check (char_length(seam_last) <= 400);
alter table render.render_parts rename constraint parts_kind to render_parts_kind;
alter table render.render_parts validate constraint render_parts_kind;
alter table render.render_parts rename constraint parts_state to render_parts_state;
alter index render.render_parts_by_subject rename to render_parts_by_subject_id_state;
alter table render.tenant_shares rename constraint shares_weight to tenant_shares_render_weight;
alter table render.tenant_shares rename constraint shares_slots to tenant_shares_max_slots;
alter table render.frame_repair_jobs rename constraint repairs_state to frame_repair_jobs_state;
alter table render.frame_repair_jobs rename constraint repairs_cause to frame_repair_jobs_cause;
alter index render.frame_repair_jobs_open rename to frame_repair_jobs_by_job_id_is_open;
reset role;

set role read_owner;
drop view read.nodes, read.node_crashes, read.render_parts, read.join_tokens, read.node_identities, read.frame_repairs, read.tenant_shares;
create view read.nodes as
  select tenant_id, version, created_at, updated_at, node_id, name, epoch, state, slots, engine_build, encoder_build, platform, release, capabilities,
    bundles, service, service_reason, service_until, set_asides, suspects, protocol
  from render.render_nodes;
create view read.node_crashes as
  select tenant_id, version, created_at, updated_at, crash_id, node_id, kind, part_id, subject_id, template, signal, exit_code, last_frame, log_tail
  from render.node_crashes;
create view read.render_parts as
  select tenant_id, version, created_at, updated_at, part_id, kind, subject_id, node_id, node_epoch, epoch, first, count, keys, places, state, detail
  from render.render_parts;
create view read.join_tokens as
  select tenant_id, version, created_at, updated_at, token_id, note, hint, expires_at, node_id,
    case when state = 'open' and expires_at < now() then 'expired' else state end as state
  from render.join_tokens;
create view read.node_identities as
  select tenant_id, version, created_at, updated_at, node_id, name, token_id, state, reason
  from render.node_identities;
-- What an edge compares the secrets of join tokens and of nodes with; they are shown to nobody.
create view read.join_token_secrets as
  select tenant_id, token_id, secret_sha256 from render.join_tokens;
create view read.node_secrets as
  select tenant_id, node_id, secret_sha256 from render.node_identities;
create view read.frame_repairs as
  select tenant_id, version, created_at, updated_at, repair_id, job_id, state, is_open, cause, reason, frames, before, after, identical, rejoin,
    redrawing, failures, code, detail
  from render.frame_repair_jobs;
create view read.tenant_shares as
  select tenant_id, version, created_at, updated_at, render_weight, max_slots
  from render.tenant_shares;
grant select on read.nodes, read.node_crashes, read.render_parts, read.join_tokens, read.node_identities, read.join_token_secrets, read.node_secrets,
  read.frame_repairs, read.tenant_shares to edge_ro;
reset role;
