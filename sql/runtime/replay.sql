-- name: table_content
-- A table's content in key order.
select * from {table} t order by {key}

-- name: row_hashes
-- Each row's key as JSON text and a hash of the row, in an order that does not depend on a server's collation.
select json_build_array({key})::text as key, sha256(convert_to(t::text, 'UTF8')) as hash from {table} t order by json_build_array({key})::text collate "C"

-- name: rows_named
-- Rows by their key as JSON text, each as JSON.
select json_build_array({key})::text as key, to_jsonb(t)::text as row from {table} t where json_build_array({key})::text = any ($1)

-- name: databases_left
-- Scratch databases of replays that were killed: nobody is connected to them.
select datname from pg_database d where starts_with(datname, $1) and not exists (select from pg_stat_activity a where a.datid = d.oid)

-- name: cheaper
-- Statements that make the named tables of a scratch database cheap to fill: no foreign keys, no exclusions, no index but the primary key, no journal.
-- Each of them costs some milliseconds, so other tables stay as they are.
with filled as (select unnest($1::text[])::regclass as filled)
select statement from (
  select 1 as step, format('alter table %s drop constraint %I', conrelid::regclass, conname) as statement
  from pg_constraint where contype in ('f', 'x') and (conrelid in (table filled) or confrelid in (table filled))
  union all
  select 2, format('drop index %s', indexrelid::regclass) from pg_index i where not indisprimary and indrelid in (table filled)
    and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
  union all
  select 3, format('alter table %s set unlogged', filled) from filled) s
order by step, statement

-- name: unsequenced
-- Events of a domain that are not in the log yet, in the order in which they will be.
select 0::bigint as position, event_id, type, tenant_id, time, actor, correlation_id, causation_id, traceparent, body from {schema}.outbox order by id

-- name: recorded
-- The log as far as it is read in the table, in order.
select position, event_id, type, tenant_id, time, actor, correlation_id, causation_id, traceparent, body from log.events
where position >= (select first from log.head) order by position

-- name: chain_break
-- The first row of the log's table that does not continue the chain, given the position and the hash before it. The hash is that of
-- contracts.chain.chained, whose bytes to_json writes too.
select position, before, type, event_id from (
  select position, prev_hash, hash, type, event_id,
    lag(position, 1, $1::bigint) over w as before, lag(hash, 1, $2::text) over w as last,
    encode(sha256(convert_to(prev_hash || E'\n[' || position || ',"' || event_id || '",' || to_json(type)::text || ',"' || tenant_id || '",'
      || trunc(extract(epoch from time) * 1000000) || ',' || to_json(actor)::text || ',"' || correlation_id || '","' || causation_id || '",'
      || to_json(aggregate)::text || ',' || version || ',' || to_json(traceparent)::text || ',' || to_json(body)::text || ']', 'UTF8')), 'hex') as should
  from log.events where position >= (select first from log.head) window w as (order by position)) e
where position <> before + 1 or prev_hash <> last or hash <> should order by position limit 1
