-- name: table_hash
-- A table's content: its rows, and SHA-256 over the SHA-512 (the faster of the two) of each row's text in key order.
select count(*) as rows, encode(sha256(coalesce(string_agg(sha512(convert_to(t::text, 'UTF8')), ''::bytea order by {key}), '')), 'hex') as hash from {table} t

-- name: row_hashes
-- Each row's key as JSON text and a hash of the row, in an order that does not depend on a server's collation.
select json_build_array({key})::text as key, sha256(convert_to(t::text, 'UTF8')) as hash from {table} t order by json_build_array({key})::text collate "C"

-- name: rows_named
-- Rows by their key as JSON text, each as JSON.
select json_build_array({key})::text as key, to_jsonb(t)::text as row from {table} t where json_build_array({key})::text = any ($1)

-- name: databases_left
-- Scratch databases of replays that were killed: nobody is connected to them.
select datname from pg_database d where starts_with(datname, $1) and not exists (select from pg_stat_activity a where a.datid = d.oid)

-- name: unsequenced
-- Events of a domain that are not in the log yet, in the order in which they will be.
select 0::bigint as position, event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body from {schema}.outbox order by id

-- name: recorded
-- The whole log that the table holds, in order.
select position, event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body, prev_hash, hash
from log.events order by position
