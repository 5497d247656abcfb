-- render: nodes and what died on them. Both live under the platform tenant.

set role render_owner;

create table render.render_nodes (
  tenant_id uuid not null, node_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  name text not null, epoch bigint not null, state text not null constraint nodes_state check (state in ('active', 'lost', 'left')),
  slots int not null constraint nodes_slots check (slots between 1 and 256),
  engine_build text not null, encoder_build text not null, platform text not null, release text not null,
  primary key (tenant_id, node_id));
create index render_nodes_by_state on render.render_nodes (tenant_id, state);

create table render.node_crashes (
  tenant_id uuid not null, crash_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  node_id uuid not null,
  kind text not null constraint crashes_kind check (kind in ('engine_crash', 'engine_hang', 'out_of_memory', 'out_of_disk', 'daemon_death', 'machine_silence')),
  part_id uuid, subject_id uuid, template text not null, signal int not null, exit_code int not null, last_frame int not null, log_tail text not null,
  primary key (tenant_id, crash_id));
create index node_crashes_by_node on render.node_crashes (tenant_id, node_id, created_at);

reset role;
select platform.guard('render.render_nodes', 'event', 'render nodes by their latest registration');
select platform.guard('render.node_crashes', 'event', 'engines, daemons and machines that died, with the last they said');
