-- Idempotency keys are found in every domain's inbox; API keys know how their text is made; a secret is shown once at its operation.

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('set role %I', domain || '_owner');
    execute format('create index inbox_key on %I.inbox (key_hash) where key_hash <> ''''', domain);
    reset role;
  end loop;
end $$;

set role identity_owner;
-- Events of earlier releases say nothing of it, which their Struct reads as 1 as well.
alter table identity.tenant_api_keys add column format int not null default 1;
alter table identity.tenant_api_keys alter column format drop default;
alter table identity.tenant_api_keys add constraint api_keys_format check (format in (1, 2));

create table identity.revealed_secrets (
  tenant_id uuid not null, command_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  what text not null, thing_id uuid not null,
  primary key (tenant_id, command_id));
grant select on identity.revealed_secrets to read_owner;
reset role;
select platform.guard('identity.revealed_secrets', 'event', 'commands whose secret was shown at their operation, which is done once');

set role read_owner;
create or replace view read.operations as
  select 'identity' as domain, tenant_id, id, type, state, request_hash, outcome, decided_at, key_hash from identity.inbox
  union all select 'content', tenant_id, id, type, state, request_hash, outcome, decided_at, key_hash from content.inbox
  union all select 'studio', tenant_id, id, type, state, request_hash, outcome, decided_at, key_hash from studio.inbox
  union all select 'render', tenant_id, id, type, state, request_hash, outcome, decided_at, key_hash from render.inbox
  union all select 'file_mgr', tenant_id, id, type, state, request_hash, outcome, decided_at, key_hash from file_mgr.inbox
  union all select 'notification', tenant_id, id, type, state, request_hash, outcome, decided_at, key_hash from notification.inbox;
create or replace view read.api_keys as select * from identity.tenant_api_keys;
create view read.revealed_secrets as select * from identity.revealed_secrets;
grant select on read.revealed_secrets to edge_ro;
reset role;
