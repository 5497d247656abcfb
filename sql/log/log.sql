-- name: pending
-- Whether a domain's outbox holds anything (a part of a larger question over all domains).
exists (select from {schema}.outbox)

-- name: take
-- Take the oldest events out of a domain's outbox (a part of one statement over all domains); the array makes it an index scan.
delete from {schema}.outbox where id = any (array(select id from {schema}.outbox order by id limit $1))
returning id, event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body

-- name: head
-- Where the log ends, and the hash that the next event continues.
select position, hash from log.events order by position desc limit 1

-- name: append
-- Write numbered and chained events.
insert into log.events (position, event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body, prev_hash, hash)
select * from unnest($1::text::bigint[], $2::text::uuid[], $3::text::text[], $4::text::uuid[], $5::text::timestamptz[], $6::text::text[], $7::text::uuid[], $8::text::uuid[], $9::text::text[], $10::text::bigint[], $11::text::text[], $12::text[], $13::text::text[], $14::text::text[])

-- name: already_there
-- Which of these events the log has already.
select event_id from log.events where event_id = any ($1::uuid[])

-- name: read
-- Events after a position, in order; null for a filter that is not wanted.
select position, event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body, prev_hash, hash
from log.events
where position > $1 and position <= coalesce($2, 9223372036854775807)
  and ($3::uuid is null or tenant_id = $3) and ($4::text is null or starts_with(type, $4))
order by position limit $5

-- name: first
-- The oldest position that the table holds.
select min(position) from log.events

-- name: archives
-- The archived runs that hold positions after one and up to another.
select first, last, object_key, sha256, bytes, prev_hash, hash from log.archives
where last > $1 and first <= coalesce($2, 9223372036854775807) order by first

-- name: keep_archive
-- A run of events lies in object storage.
insert into log.archives (first, last, object_key, sha256, bytes, prev_hash, hash, archived_at)
values ($1, $2, $3, $4, $5, $6, $7, now()) on conflict (first) do nothing

-- name: forget_archived
-- Remove a run from the table; answers how many events went.
select log.forget_archived($1)

-- name: reacted
-- Up to which position a domain has reacted (a part of a larger question over all domains).
select position from {schema}.cursors where name = 'events'
