-- The standing check: a role that reads what it compares over all schemas, the rows in which it keeps how far it has looked and what it found.

select platform.make_role('check_owner', false);
select platform.make_role('check_app', true);
create schema if not exists checks authorization check_owner;
grant usage on schema checks to check_app, read_owner;
grant usage on schema log to check_app;

-- How many events a command had, by which a lost one is noticed; null for what was decided by a release before.
do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('set role %I', domain || '_owner');
    execute format('alter table %I.inbox add column events int', domain);
    reset role;
  end loop;
end $$;

-- What may be secret, or is a person's, is no business of the check: how commands were answered, what effects carry.
create function platform.let_check(target regclass) returns void language plpgsql as $$
declare columns text;
begin
  select string_agg(quote_ident(attname), ', ' order by attnum) into columns from pg_attribute
  where attrelid = target and attnum > 0 and not attisdropped
    and attname <> all (array['outcome', 'headers', 'body', 'payload', 'envelope', 'request_hash', 'key_hash', 'answer', 'cursor']);
  execute format('grant select (%s) on %s to check_app', columns, target);
end $$;

do $$
declare domain text; name text; target regclass;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('grant usage on schema %I to check_app', domain);
    execute format('grant select on %I.outbox, %I.cursors to check_app', domain, domain);
    foreach name in array array['inbox', 'effects', 'timers', 'destinations'] loop
      perform platform.let_check(format('%I.%I', domain, name)::regclass);
    end loop;
  end loop;
  for target in select c.oid::regclass from pg_class c
    where c.relkind in ('r', 'p') and not c.relispartition and obj_description(c.oid) like 'event: %' loop
    execute format('grant select on %s to check_app', target);
  end loop;
end $$;
grant select on log.events, log.archives, log.ranges, log.head, log.alarms to check_app;

-- Tables of later migrations: an event table is read whole.
create or replace function platform.guard(target regclass, kind text, about text) returns void language plpgsql as $$
begin
  execute format('comment on table %s is %L', target, kind || ': ' || about);
  if exists (select from pg_attribute where attrelid = target and attname = 'tenant_id' and not attisdropped) then
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format('create policy tenants on %s using ((select platform.serves_all()) or tenant_id = any ((select platform.tenants())::uuid[]))', target);
  end if;
  if kind = 'event' then
    execute format('grant select on %s to check_app', target);
  end if;
end $$;

set role check_owner;
create table checks.state (
  only_one boolean primary key constraint state_only_one check (only_one),
  -- Up to which position the log, its window and the rows were compared, and the hash that stood there.
  position bigint not null,
  hash text not null,
  -- Up to which moment commands were looked at; null for never.
  decided_at timestamptz,
  -- When all was looked at the last time: a bit of it, and the whole; null for never.
  looked_at timestamptz,
  whole_at timestamptz);
insert into checks.state values (true, 0, '', null, null, null);

-- Where the walks over what is too much for one look go on, such as over all stored objects.
create table checks.walks (name text primary key, after text not null);

-- What was found twice, ten seconds apart, and stands.
create table checks.differences (
  name text not null, place text not null, expected text not null, found text not null, remedy text not null, again text not null,
  since timestamptz not null, seen_at timestamptz not null,
  primary key (name, place));

grant select, update on checks.state to check_app;
grant select, insert, update, delete on checks.walks, checks.differences to check_app;
grant select on checks.state, checks.differences to read_owner;
reset role;
select platform.guard('checks.state', 'work', 'how far the standing check has looked');
select platform.guard('checks.walks', 'work', 'where the walks of the standing check go on');
select platform.guard('checks.differences', 'work', 'what the standing check found and what has not been put right');

set role read_owner;
create view read.checked as
  select looked_at, whole_at, d.count as differences, d.since from checks.state, (select count(*), min(since) as since from checks.differences) d;
grant select on read.checked to edge_ro;
reset role;
