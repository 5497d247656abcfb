-- render: join tokens, and the identities that nodes got by them. Both live under the platform tenant.

set role render_owner;

create table render.join_tokens (
  tenant_id uuid not null, token_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  note text not null, secret_sha256 text not null, hint text not null, expires_at timestamptz not null,
  state text not null constraint join_tokens_state check (state in ('open', 'used', 'revoked')),
  node_id uuid,
  primary key (tenant_id, token_id));
create index join_tokens_newest on render.join_tokens (tenant_id, created_at desc, token_id);

create table render.node_identities (
  tenant_id uuid not null, node_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  name text not null, token_id uuid not null, secret_sha256 text not null,
  state text not null constraint node_identities_state check (state in ('active', 'revoked')),
  reason text not null,
  primary key (tenant_id, node_id));

alter table render.render_nodes drop constraint nodes_state;
alter table render.render_nodes add constraint nodes_state check (state in ('active', 'lost', 'left', 'revoked'));

grant select on render.join_tokens, render.node_identities to read_owner;
reset role;
select platform.guard('render.join_tokens', 'event', 'join tokens by the hash of their secret: open, used by which node, or revoked');
select platform.guard('render.node_identities', 'event', 'who each enrolled node is to the broker, by the hash of its secret, and whether it was revoked');

set role read_owner;
create view read.join_tokens as
  select tenant_id, token_id, version, created_at, updated_at, note, secret_sha256, hint, expires_at, node_id,
         case when state = 'open' and expires_at < now() then 'expired' else state end as state
  from render.join_tokens;
create view read.node_identities as select * from render.node_identities;
grant select on read.join_tokens, read.node_identities to edge_ro;
reset role;
