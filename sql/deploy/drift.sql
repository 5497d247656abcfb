-- name: table_as_made
-- A table and its view as PostgreSQL describes them, where PostgreSQL's own words name no schema: what was moved away is described like what stands there.
select
  (select json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end)
   from pg_attribute a where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped)::text as columns,
  (select coalesce(json_object_agg(c.conname, pg_get_constraintdef(c.oid)), '{}')
   from pg_constraint c where c.conrelid = t.oid and c.contype in ('p', 'u', 'x', 'c', 'f'))::text as constraints,
  (select coalesce(json_object_agg(i.relname, regexp_replace(pg_get_indexdef(i.oid), '^.* USING ', '')), '{}')
   from pg_index x join pg_class i on i.oid = x.indexrelid
   where x.indrelid = t.oid and not exists (select from pg_constraint c where c.conindid = i.oid and c.conrelid = t.oid))::text as indexes,
  case when v.oid is null then '' else pg_get_viewdef(v.oid) end as view,
  (select coalesce(json_agg(a.attname order by a.attnum), '[]') from pg_attribute a where a.attrelid = v.oid and a.attnum > 0)::text as view_columns,
  obj_description(t.oid, 'pg_class') as about,
  (select coalesce(json_agg(distinct case r.oid when t.oid then 'table' else 'view' end || ' ' || coalesce(g.rolname, 'public') || ' ' || p.privilege_type), '[]')
   from pg_class r cross join aclexplode(r.relacl) p left join pg_roles g on g.oid = p.grantee
   where r.oid in (t.oid, v.oid) and p.grantee <> r.relowner)::text as grants
from pg_class t left join pg_class v on v.oid = to_regclass($2)
where t.oid = to_regclass($1);
