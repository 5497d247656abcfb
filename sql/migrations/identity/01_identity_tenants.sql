-- identity: tenants and their API keys.

set role identity_owner;

create table identity.tenants (
  tenant_id uuid primary key, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  name text not null,
  render_weight int not null constraint tenants_weight check (render_weight between 1 and 100),
  max_slots int not null constraint tenants_slots check (max_slots between 1 and 10000),
  requests_per_second int not null constraint tenants_rate check (requests_per_second between 1 and 100000));

create table identity.tenant_api_keys (
  tenant_id uuid not null references identity.tenants deferrable initially deferred,
  key_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  name text not null, scopes jsonb not null, secret_sha256 text not null, hint text not null,
  state text not null constraint api_keys_state check (state in ('active', 'revoked')),
  primary key (tenant_id, key_id), constraint api_keys_secret unique (tenant_id, secret_sha256));

reset role;
select platform.guard('identity.tenants', 'event', 'the root of tenancy: resellers and the default tenant');
select platform.guard('identity.tenant_api_keys', 'event', 'API keys by the hash of their secret');
