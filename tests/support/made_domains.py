"""All that a domain has from the start in the database, as texts that can be compared with another domain's."""

import asyncpg

WORK = ["inbox", "outbox", "effects", "destinations", "timers", "cursors", "leader"]
MADE = """
with tables as (select c.* from pg_class c where c.relnamespace = $1::text::regnamespace and c.relname = any ($2::text[])),
columns as (
  select relname, relowner, a.* from tables join pg_attribute a on attrelid = tables.oid and attnum > 0 and not attisdropped)
select format('table %s: persistence %s, options %s, row security %s, forced %s, owner %s, %s', relname,
    relpersistence, reloptions, relrowsecurity, relforcerowsecurity, relowner::regrole, obj_description(oid, 'pg_class')) from tables
union all
select format('table %s: %s may %s', relname, grantee::regrole, privilege_type) from tables, aclexplode(relacl)
union all
select format('column %s.%s: %s, filled %s, identity %s, default %s, %s', relname, attname, format_type(atttypid, atttypmod), attnotnull,
    attidentity, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))
  from columns left join pg_attrdef on adrelid = attrelid and adnum = attnum
union all
select format('column %s.%s: %s may %s', relname, attname, grantee::regrole, privilege_type) from columns, aclexplode(attacl)
union all
select format('constraint %s of %s: %s', conname, relname, pg_get_constraintdef(c.oid))
  from tables join pg_constraint c on conrelid = tables.oid where contype <> 'n'
union all
select format('index %s', pg_get_indexdef(indexrelid)) from tables join pg_index on indrelid = tables.oid
union all
select format('policy %s of %s: %s %s', polname, relname, polcmd, pg_get_expr(polqual, polrelid))
  from tables join pg_policy on polrelid = tables.oid
union all
select format('schema: owner %s, %s may %s', nspowner::regrole, grantee::regrole, privilege_type)
  from pg_namespace, aclexplode(nspacl) where oid = $1::text::regnamespace
union all
select format('what %s makes later, of kind %s: %s may %s', defaclrole::regrole, defaclobjtype, grantee::regrole, privilege_type)
  from pg_default_acl, aclexplode(defaclacl) where defaclnamespace = $1::text::regnamespace
union all
select format('platform.%s: the domain may %s', proname, privilege_type) from pg_proc, aclexplode(proacl)
  where pronamespace = 'platform'::regnamespace and grantee = ($1::text || '_app')::regrole
union all
select format('platform.%s: the domain may %s', relname, privilege_type) from pg_class, aclexplode(relacl)
  where relnamespace = 'platform'::regnamespace and grantee = ($1::text || '_app')::regrole
union all
select format('role %s: login %s, super %s, passes row security %s', rolname, rolcanlogin, rolsuper, rolbypassrls) from pg_roles
  where rolname in ($1::text || '_owner', $1 || '_app')
"""


async def made(conn: asyncpg.Connection, domain: str) -> list[str]:
    """All of it, in words in which the domain's name does not stand."""
    texts = [row[0] for row in await conn.fetch(MADE, domain, WORK)]
    return sorted(text.replace(f"{domain}.", "<domain>.").replace(f"{domain}_", "<domain>_") for text in texts)
