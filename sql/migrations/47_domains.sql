-- A domain is one call: platform.make_domain('name') makes its schema, roles, work tables, grants, and its part of the views over all domains.

-- The domains that there are: schemas with an inbox. A migration that changes the runtime's tables goes through these.
create function platform.domains() returns text[] language sql stable set search_path = pg_catalog as $$
  select coalesce(array_agg(n.nspname::text order by n.nspname), '{}')
  from pg_namespace n join pg_class c on c.relnamespace = n.oid and c.relname = 'inbox' and c.relkind = 'r'
$$;

-- The views that show the work of all domains as one; made anew with each domain.
create function platform.show_domains() returns void language plpgsql as $$
declare
  operations text := 'tenant_id, id, type, state, request_hash, outcome, decided_at, key_hash';
  effects text := 'tenant_id, id as effect_id, kind, lane, state, ended, attempts, paused, chunks, destination, due_at, created_at, updated_at, version';
begin
  set role read_owner;
  execute 'create or replace view read.operations as ' || (
    select string_agg(format('select %L as domain, %s from %I.inbox', domain, operations, domain), ' union all ')
    from unnest(platform.domains()) as domain);
  execute 'create or replace view read.effects as ' || (
    select string_agg(format('select %L as domain, %s from %I.effects', domain, effects, domain), ' union all ')
    from unnest(platform.domains()) as domain);
  grant select on read.operations, read.effects to edge_ro;
  reset role;
end $$;

-- The tables that the runtime needs of each domain, as they are today: whoever changes them in the domains that there are changes this too, and
-- tests/store/test_made_domains.py compares.
create function platform.make_work_tables(domain text) returns void language plpgsql as $$
begin
  execute format('set role %I', domain || '_owner');
  execute format($ddl$
    create table %1$I.inbox (
      tenant_id uuid not null, id uuid not null, type text not null, request_hash text not null,
      state text not null constraint inbox_state check (state in ('done', 'refused', 'quarantined', 'reopened')),
      outcome jsonb not null, headers jsonb, body text, decided_at timestamptz not null,
      key_hash text not null default '', reason text not null default '', events int,
      -- Ids are in the order of time: with the id first, all new rows lie in one place of the index.
      primary key (id, tenant_id));
    create index inbox_decided on %1$I.inbox (decided_at) where state in ('done', 'refused');
    create index inbox_quarantined on %1$I.inbox (decided_at) where state in ('quarantined', 'reopened');
    create index inbox_key on %1$I.inbox (key_hash) where key_hash <> '';

    create table %1$I.outbox (
      id bigint generated always as identity primary key, event_id uuid not null,
      -- What cannot be published must fail in the transaction of the command that causes it: later it would stop the log for everyone.
      type text not null constraint outbox_type check (type ~ '^evt\.[a-z_]+\.[a-z_]+\.[a-z_]+\.v[0-9]+$'),
      tenant_id uuid not null, time timestamptz not null, actor text not null, correlation_id uuid not null, causation_id uuid not null,
      aggregate text not null, version bigint not null, traceparent text not null,
      body text not null constraint outbox_body check (octet_length(body) <= 65536),
      constraint outbox_headers check (actor !~ '[\r\n]' and aggregate !~ '[\r\n]' and traceparent !~ '[\r\n]'
        and length(actor) + length(aggregate) + length(traceparent) < 2000));

    create table %1$I.effects (
      tenant_id uuid not null, id uuid not null, kind text not null, payload jsonb not null, envelope jsonb not null,
      attempts int not null, due_at timestamptz not null, last_error text not null,
      lane text not null default 'prompt',
      state text not null default 'due' constraint effects_state check (state in ('due', 'handing', 'done', 'unknown', 'exhausted')),
      ended text not null default '' constraint effects_ended check (ended in ('', 'done', 'exhausted', 'given_up', 'unknown')),
      owing boolean not null default false, answer jsonb, reports int not null default 0, repeatable boolean not null default true,
      epoch int not null default 0, claim uuid, handed_at timestamptz, unknown_at timestamptz, asks int not null default 0,
      destination text not null default '', pace float8 not null default 0, burst bigint not null default 1,
      paused boolean not null default false, cursor jsonb, chunks int not null default 0, version bigint not null default 1,
      created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
      primary key (tenant_id, id)) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
    create index effects_due on %1$I.effects (lane, tenant_id, destination, due_at) where state = 'due' and not paused and not owing;
    create index effects_open on %1$I.effects (due_at) where state in ('handing', 'unknown') and not owing;
    create index effects_owing on %1$I.effects (due_at) where owing;
    create index effects_claimed on %1$I.effects (due_at) where claim is not null;
    create index effects_of_epoch on %1$I.effects (epoch) where not repeatable;
    create index effects_ended on %1$I.effects (updated_at) where state = 'done' and not owing;
    create index effects_newest on %1$I.effects (tenant_id, created_at desc, id desc);

    create unlogged table %1$I.destinations (
      tenant_id uuid not null, destination text not null,
      tat timestamptz not null, pace float8 not null, burst bigint not null,
      failures int not null, opens_at timestamptz, probe uuid, granted bigint not null,
      primary key (tenant_id, destination));

    create table %1$I.timers (
      tenant_id uuid not null, name text not null, type text not null, body jsonb not null, due_at timestamptz not null,
      set_by uuid not null, recurrence jsonb, again_at timestamptz, set_aside text not null,
      primary key (tenant_id, name));
    create index timers_due on %1$I.timers (coalesce(again_at, due_at)) where set_aside = '';
    create index timers_set_aside on %1$I.timers (due_at) where set_aside <> '';
    comment on column %1$I.timers.set_by is 'the event that set or moved it';
    comment on column %1$I.timers.recurrence is 'rule, zone, missed, begins; null: it becomes due once';
    comment on column %1$I.timers.again_at is 'when its command is published once more if it is still there; null: it is not published';
    comment on column %1$I.timers.set_aside is 'why it is not published any more; empty while it is';

    -- since: a fold's copy holds what events behind this position say. goal: until a fold has come so far, its domain takes no commands.
    create table %1$I.cursors (
      name text primary key, position bigint not null, since bigint not null default 0, goal bigint default 0,
      learns boolean not null default false);

    create table %1$I.leader (one boolean primary key constraint leader_one check (one), lease bigint not null);
    insert into %1$I.leader (one, lease) values (true, 1);
  $ddl$, domain);
  reset role;
  perform platform.guard(format('%I.inbox', domain)::regclass, 'work', 'every command that was decided: the operation that a client asks for');
  perform platform.guard(format('%I.outbox', domain)::regclass, 'work', 'events that the sequencer has not taken yet');
  perform platform.guard(format('%I.effects', domain)::regclass, 'work', 'what is still to be done in the world outside the database');
  perform platform.guard(format('%I.destinations', domain)::regclass, 'work',
    'whom effects go to: when the next may go by the rate, and whether the breaker is open; begun anew after a crash');
  perform platform.guard(format('%I.timers', domain)::regclass, 'work', 'commands that become due');
  perform platform.guard(format('%I.cursors', domain)::regclass, 'work', 'up to which log position each reaction of this domain has come');
  perform platform.guard(format('%I.leader', domain)::regclass, 'work', 'the lease of the process that leads this domain, raised with every taking of its lock');
end $$;

-- A domain: its schema, an owner that cannot log in, an app role that reaches this schema only, and the runtime's work tables. The sequencer
-- moves its outbox into the log, the edge reads through views of read_owner, and the standing check sees what is nobody's secret.
create or replace function platform.make_domain(domain text) returns void language plpgsql as $$
declare
  owner text := domain || '_owner';
  app text := domain || '_app';
  name text;
begin
  perform platform.make_role(owner, false);
  perform platform.make_role(app, true);
  execute format('create schema %I authorization %I', domain, owner);
  execute format('grant usage on schema %I to %I, log_app, read_owner, check_app', domain, app);
  execute format('alter default privileges for role %I in schema %I grant select, insert, update on tables to %I', owner, domain, app);
  execute format('alter default privileges for role %I in schema %I grant usage on sequences to %I', owner, domain, app);
  execute format('alter default privileges for role %I in schema %I grant select on tables to read_owner', owner, domain);
  perform platform.make_work_tables(domain);
  execute format('grant delete on %1$I.inbox, %1$I.outbox, %1$I.effects, %1$I.destinations, %1$I.timers to %2$I', domain, app);
  execute format('revoke insert on %I.leader from %I', domain, app);
  execute format('grant select, delete on %I.outbox to log_app', domain);
  execute format('grant select on %I.cursors to log_app', domain);
  execute format('grant select on platform.log_head to %I', app);
  execute format('grant execute on function platform.history(bigint, bigint, text[], int), platform.log_runs(bigint),
    platform.keep_months(regclass, int, int, timestamptz) to %I', app);
  execute format('grant select on %1$I.outbox, %1$I.cursors to check_app', domain);
  foreach name in array array['inbox', 'effects', 'timers', 'destinations'] loop
    perform platform.let_check(format('%I.%I', domain, name)::regclass);
  end loop;
  perform platform.show_domains();
end $$;

-- Whoever has telemetry by the month may have it kept so; the function lets nobody reach another's tables.
do $$
declare domain text;
begin
  foreach domain in array platform.domains() loop
    execute format('grant execute on function platform.keep_months(regclass, int, int, timestamptz) to %I', domain || '_app');
  end loop;
end $$;
