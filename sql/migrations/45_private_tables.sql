-- State outside the log: tables of kind private, which no event writes and no replay fills, and whose rows can be erased.

-- The rows of a private table are its domain's alone. Whoever shall read some columns of one through a view of the schema read is given
-- these columns by the migration that makes the view.
create or replace function platform.guard(target regclass, kind text, about text) returns void language plpgsql as $$
declare domain text;
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
  if kind = 'private' then
    select n.nspname into domain from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = target;
    execute format('grant delete on %s to %I', target, domain || '_app');
    execute format('revoke all on %s from read_owner, check_app, log_app', target);
  end if;
end $$;
