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

-- name: look
-- The oldest events in a domain's outbox, as `take` takes them, without taking them.
select id, event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body
from {schema}.outbox order by id limit $1

-- name: remove
-- Take chosen events out of a domain's outbox.
delete from {schema}.outbox where id = any ($1::bigint[])

-- name: of_event
-- What the log has under an event's id.
select position, type, tenant_id, time, body from log.events where event_id = $1

-- name: replace_id
-- Give the oldest event in a domain's outbox another id; answers how many it was.
update {schema}.outbox set event_id = gen_random_uuid() where id = (select min(id) from {schema}.outbox) and event_id = $1

-- name: remove_copy
-- Remove the oldest event of a domain's outbox where it is the very event that the log has under its id.
delete from {schema}.outbox o using log.events e
where o.id = (select min(id) from {schema}.outbox) and o.event_id = $1 and e.event_id = $1
  and (o.type, o.tenant_id, o.time, o.actor, o.correlation_id, o.causation_id, o.aggregate, o.version, o.body)
    = (e.type, e.tenant_id, e.time, e.actor, e.correlation_id, e.causation_id, e.aggregate, e.version, e.body)

-- name: window
-- What is known of EVENTS: up to where it holds the log, the epoch, and the key of the seals.
select published, epoch, seal from log.head

-- name: keep_published
-- EVENTS has acknowledged the log up to a position, in an epoch.
update log.head set published = $1 where published < $1 and epoch = $2

-- name: keep_seen_epoch
-- EVENTS holds messages of this epoch.
update log.head set seen_epoch = $1 where seen_epoch < $1

-- name: raise_epoch
-- The log was restored: from now on its positions are of a new epoch. What was published before it was restored stays shared with those before.
update log.head set
  shared = array(select least(one, published) from unnest(shared) with ordinality as s(one, at) order by at)
    || published || array_fill(0::bigint, array[greatest(epoch, seen_epoch) - epoch]),
  epoch = greatest(epoch, seen_epoch) + 1
returning epoch, published

-- name: sound_alarm
-- Say what waits for a person; one that is known already keeps its time.
insert into log.alarms (name, detail, remedy, since) values ($1, $2, $3, now())
on conflict (name) do update set detail = excluded.detail, remedy = excluded.remedy

-- name: end_alarm
-- What was wrong is put right.
delete from log.alarms where name = $1

-- name: alarms
-- What waits for a person, the oldest first.
select name, detail, remedy, since from log.alarms order by since, name

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
-- Up to which position each reaction of a domain has come (a part of a larger question over all domains).
select position from {schema}.cursors where starts_with(name, 'reaction.')
