-- Many at once: how many renders of a tenant have not ended, and what is one tenant's alone among all of them.

set role studio_owner;
create table studio.pending_renders (
  tenant_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  pending int not null,
  primary key (tenant_id));
reset role;
select platform.guard('studio.pending_renders', 'event', 'how many renders of a tenant were asked for and have not ended, by the events of both');

set role identity_owner;
-- All of its rows are the platform's: who comes first is decided there, whoever asks.
create table identity.reservations (
  tenant_id uuid not null, kind text not null, mark text not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  holder uuid not null, -- soft reference to the tenant that has it
  state text not null,
  primary key (tenant_id, kind, mark),
  constraint reservations_state check (state in ('held', 'free')));
reset role;
select platform.guard('identity.reservations', 'event', 'what is unique across tenants, each under the platform with the tenant that has it');
