-- The ground of every domain: schemas, roles, row-level security by the setting app.tenants, and the tables that the runtime needs.

revoke create on schema public from public;
create schema if not exists platform;
grant usage on schema platform to public;

-- The tenants being served by this transaction: a comma-separated list, '*' for all, empty for none.
create or replace function platform.tenants() returns uuid[] language sql stable parallel safe as $$
  select case when coalesce(current_setting('app.tenants', true), '') in ('', '*') then '{}'::uuid[]
              else string_to_array(current_setting('app.tenants', true), ',')::uuid[] end
$$;
create or replace function platform.serves_all() returns boolean language sql stable parallel safe as $$
  select coalesce(current_setting('app.tenants', true), '') = '*'
$$;

create or replace function platform.make_role(name text, login boolean) returns void language plpgsql as $$
begin
  if not exists (select from pg_roles where rolname = name) then
    execute format('create role %I %s', name, case when login then 'login' else 'nologin' end);
  end if;
end $$;

-- Enable and force row-level security by tenant, and say the table's kind (event, work, telemetry) in its comment.
create or replace function platform.guard(target regclass, kind text, about text) returns void language plpgsql as $$
begin
  execute format('comment on table %s is %L', target, kind || ': ' || about);
  if exists (select from pg_attribute where attrelid = target and attname = 'tenant_id' and not attisdropped) then
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format('create policy tenants on %s using ((select platform.serves_all()) or tenant_id = any ((select platform.tenants())::uuid[]))', target);
  end if;
end $$;

-- A domain: its schema, an owner that cannot log in, an app role that reaches this schema only, and the runtime's work tables.
create or replace function platform.make_domain(domain text) returns void language plpgsql as $$
declare
  owner text := domain || '_owner';
  app text := domain || '_app';
begin
  perform platform.make_role(owner, false);
  perform platform.make_role(app, true);
  execute format('create schema if not exists %I authorization %I', domain, owner);
  execute format('grant usage on schema %I to %I', domain, app);
  execute format('alter default privileges for role %I in schema %I grant select, insert, update on tables to %I', owner, domain, app);
  execute format('alter default privileges for role %I in schema %I grant usage on sequences to %I', owner, domain, app);
  execute format('set role %I', owner);
  execute format($ddl$
    create table %1$I.inbox (
      tenant_id uuid not null, id uuid not null, type text not null, request_hash text not null,
      state text not null constraint inbox_state check (state in ('done', 'refused', 'quarantined', 'reopened')),
      outcome jsonb not null, headers jsonb, body text, decided_at timestamptz not null,
      primary key (tenant_id, id));
    create index inbox_decided on %1$I.inbox (decided_at);
    create index inbox_quarantined on %1$I.inbox (decided_at) where state = 'quarantined';
    create table %1$I.outbox (
      id bigint generated always as identity primary key, event_id uuid not null unique, type text not null, tenant_id uuid not null,
      time timestamptz not null, actor text not null, correlation_id uuid not null, causation_id uuid not null,
      aggregate text not null, version bigint not null, traceparent text not null, body text not null);
    create table %1$I.effects (
      tenant_id uuid not null, id uuid not null, kind text not null, payload jsonb not null, envelope jsonb not null,
      attempts int not null, due_at timestamptz not null, last_error text not null, primary key (tenant_id, id));
    create index effects_due on %1$I.effects (due_at);
    create table %1$I.timers (
      tenant_id uuid not null, id uuid not null, type text not null, body jsonb not null, due_at timestamptz not null, primary key (tenant_id, id));
    create index timers_due on %1$I.timers (due_at);
    create table %1$I.cursors (name text primary key, position bigint not null);
  $ddl$, domain);
  reset role;
  perform platform.guard(format('%I.inbox', domain)::regclass, 'work', 'every command that was decided: the operation that a client asks for');
  perform platform.guard(format('%I.outbox', domain)::regclass, 'work', 'events that the sequencer has not taken yet');
  perform platform.guard(format('%I.effects', domain)::regclass, 'work', 'what is still to be done in the world outside the database');
  perform platform.guard(format('%I.timers', domain)::regclass, 'work', 'commands that become due');
  perform platform.guard(format('%I.cursors', domain)::regclass, 'work', 'up to which log position this domain has reacted');
  execute format('grant delete on %1$I.inbox, %1$I.outbox, %1$I.effects, %1$I.timers to %2$I', domain, app);
end $$;

select platform.make_role('log_owner', false);
select platform.make_role('log_app', true);
select platform.make_role('read_owner', false);
select platform.make_role('edge_ro', true);
create schema if not exists log authorization log_owner;
create schema if not exists read authorization read_owner;
grant usage on schema log to log_app;
grant usage on schema read to edge_ro;

select platform.make_domain(domain) from unnest(array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification']) as domain;

-- The sequencer moves every domain's outbox into the log: the intended exception to one role per schema.
do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('grant usage on schema %I to log_app, read_owner', domain);
    execute format('grant select, delete on %I.outbox to log_app', domain);
    execute format('grant select on %I.inbox to read_owner', domain);
    execute format('alter default privileges for role %I in schema %I grant select on tables to read_owner', domain || '_owner', domain);
  end loop;
end $$;
