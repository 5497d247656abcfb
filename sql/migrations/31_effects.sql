-- Effects with states, claims, answers and lanes; a row for each destination's rate and breaker; and the view by which people see effects.

-- How many of $1 may go to a destination now: its rate by GCRA (theoretical arrival time, seconds between two, burst), its breaker by when it
-- opens: null while it is closed, and one as a probe once its rest is over.
create function platform.may_go(asked bigint, tat timestamptz, opens_at timestamptz, pace float8, burst bigint) returns bigint
language sql stable parallel safe as $$
  select least(asked,
    case when opens_at > now() then 0 when opens_at is not null then 1 else asked end,
    case when pace > 0 then greatest(0, burst + least(0, floor(extract(epoch from now() - tat) / pace)))::bigint else asked end)
$$;

do $$
declare domain text;
begin
  perform set_config('app.tenants', '*', true);  -- else its rows are nobody's here
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('set role %I', domain || '_owner');
    execute format($ddl$
      alter table %1$I.effects
        add column lane text not null default 'prompt',
        add column state text not null default 'due'
          constraint effects_state check (state in ('due', 'handing', 'done', 'unknown', 'exhausted')),
        add column ended text not null default ''
          constraint effects_ended check (ended in ('', 'done', 'exhausted', 'given_up', 'unknown')),
        add column owing boolean not null default false,
        add column answer jsonb,
        add column reports int not null default 0,
        add column repeatable boolean not null default true,
        add column epoch int not null default 0,
        add column claim uuid,
        add column handed_at timestamptz,
        add column unknown_at timestamptz,
        add column asks int not null default 0,
        add column destination text not null default '',
        add column pace float8 not null default 0,
        add column burst bigint not null default 1,
        add column paused boolean not null default false,
        add column cursor jsonb,
        add column chunks int not null default 0,
        add column version bigint not null default 1,
        add column created_at timestamptz not null default now(),
        add column updated_at timestamptz not null default now();
      -- What a process of the release before had under way is nobody's any more.
      update %1$I.effects set due_at = now();
      drop index %1$I.effects_due;
      create index effects_due on %1$I.effects (lane, tenant_id, destination, due_at) where state = 'due' and not paused and not owing;
      create index effects_open on %1$I.effects (due_at) where state in ('handing', 'unknown') and not owing;
      create index effects_owing on %1$I.effects (due_at) where owing;
      -- For who takes over: what was claimed, and what a restore puts in doubt, however many are due.
      create index effects_claimed on %1$I.effects (due_at) where claim is not null;
      create index effects_of_epoch on %1$I.effects (epoch) where not repeatable;
      alter table %1$I.effects set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
      create unlogged table %1$I.destinations (
        tenant_id uuid not null, destination text not null,
        tat timestamptz not null, pace float8 not null, burst bigint not null,
        failures int not null, opens_at timestamptz, probe uuid, granted bigint not null,
        primary key (tenant_id, destination));
    $ddl$, domain);
    reset role;
    perform platform.guard(format('%I.destinations', domain)::regclass, 'work',
      'whom effects go to: when the next may go by the rate, and whether the breaker is open; begun anew after a crash');
    execute format('grant delete on %1$I.destinations to %2$I', domain, domain || '_app');
  end loop;
end $$;

set role read_owner;
do $$
declare columns text := 'tenant_id, id as effect_id, kind, lane, state, ended, attempts, paused, chunks, destination, due_at, created_at, updated_at, version';
begin
  execute 'create view read.effects as ' || (
    select string_agg(format('select %L as domain, %s from %I.effects', domain, columns, domain), ' union all ')
    from unnest(array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification']) as domain);
end $$;
grant select on read.effects to edge_ro;
reset role;
