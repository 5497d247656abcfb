-- render: how nodes fare, in monthly partitions; and the keeper that makes the next ones and drops the old ones.

-- Make the partitions of the month of `at` and of the `ahead` after it, drop those that are over for longer than `kept` months; says what it did.
-- Only for telemetry that the caller may write: partitions belong to the table's owner, so that nobody reaches one past the table.
create function platform.keep_months(target regclass, ahead int, kept int, at timestamptz) returns text[]
language plpgsql security definer set search_path = pg_catalog set lock_timeout = '5s' as $$
declare
  schema text; name text; owner text; about text; done text[] := '{}';
  this timestamp := date_trunc('month', at at time zone 'UTC');
  month timestamp; part text;
begin
  select n.nspname, c.relname, r.rolname, obj_description(c.oid, 'pg_class') into schema, name, owner, about
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_roles r on r.oid = c.relowner
  where c.oid = target and c.relkind = 'p';
  if about is null or about not like 'telemetry: %' or not has_table_privilege(session_user, target, 'insert') then
    raise exception '% is no partitioned telemetry that % may write', target, session_user using errcode = 'insufficient_privilege';
  end if;
  if ahead < 0 or kept < 0 then
    raise exception 'months ahead and months kept are not negative' using errcode = 'invalid_parameter_value';
  end if;
  perform pg_advisory_xact_lock(7301001);  -- one keeper at a time
  for step in 0..ahead loop
    month := this + make_interval(months => step);
    part := format('%s_%s', name, to_char(month, 'YYYY_MM'));
    continue when to_regclass(format('%I.%I', schema, part)) is not null;
    execute format('create table %I.%I partition of %s for values from (%L) to (%L)',
                   schema, part, target, month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
    execute format('alter table %I.%I owner to %I', schema, part, owner);
    perform platform.guard(format('%I.%I', schema, part)::regclass, 'telemetry', format('%s of %s', name, to_char(month, 'YYYY-MM')));
    done := done || format('made %s', part);
  end loop;
  for part in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = target and c.relname ~ '_\d{4}_\d{2}$'
      and to_date(right(c.relname, 7), 'YYYY_MM') < this - make_interval(months => kept)
    order by c.relname
  loop
    execute format('drop table %I.%I', schema, part);
    done := done || format('dropped %s', part);
  end loop;
  return done;
end $$;
revoke all on function platform.keep_months(regclass, int, int, timestamptz) from public;
grant execute on function platform.keep_months(regclass, int, int, timestamptz) to render_app;

set role render_owner;
create table render.node_health_logs (
  tenant_id uuid not null, node_id uuid not null, at timestamptz not null,
  cpu double precision not null, memory bigint not null, disk_free bigint not null, load double precision not null, parts int not null,
  primary key (tenant_id, node_id, at)) partition by range (at);
reset role;
select platform.guard('render.node_health_logs', 'telemetry', 'how nodes fare: processors, memory, disk, load and parts every few seconds, a partition a month');

grant select on render.node_health_logs to read_owner;
set role read_owner;
create view read.node_health as select * from render.node_health_logs;
grant select on read.node_health to edge_ro;
reset role;
