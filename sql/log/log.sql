-- name: pending
-- Whether a domain's outbox holds anything (a part of a larger question over all domains).
exists (select from {schema}.outbox)

-- name: take
-- Take the oldest events out of a domain's outbox (a part of one statement over all domains); the array makes it an index scan. Ids come as
-- texts, which is what the chain, the message and the log's statement make of them.
delete from {schema}.outbox where id = any (array(select id from {schema}.outbox order by id limit $1))
returning id, event_id::text, type, tenant_id::text, time, actor, correlation_id::text, causation_id::text, aggregate, version, traceparent, body

-- name: head
-- Where the log ends, and the hash that the next event continues.
select position, hash from log.head

-- name: append
-- Write numbered and chained events, and where the log ends then.
with written as (
insert into log.events (position, event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body, prev_hash, hash)
select * from unnest($1::text::bigint[], $2::text::uuid[], $3::text::text[], $4::text::uuid[], $5::text::timestamptz[], $6::text::text[], $7::text::uuid[], $8::text::uuid[], $9::text::text[], $10::text::bigint[], $11::text::text[], $12::text[], $13::text::text[], $14::text::text[]))
update log.head set position = $15, hash = $16

-- name: room
-- The last position that a partition is there for.
select max(last) from log.parts

-- name: full_at
-- The last position of the partition that an event behind this one lies in.
select min(last) from log.parts where last > $1

-- name: make_part
-- Make the next partition; answers its last position.
select log.make_part()

-- name: ids_until
-- Up to which moment, in Unix milliseconds, ids lie in partitions that are full; moments far in the future, which some foreign id bears, left
-- out. Null while that is not looked up for one of them.
select case when not exists (select from log.parts p, log.head h where p.last <= h.position and p.moments is null)
       then coalesce((select max(upper(m)) from log.parts p, unnest(p.moments) m where lower(m) < $1), 0) end

-- name: repeated
-- Which of these ids the log has already.
select log.repeated($1)

-- name: look
-- The oldest events in a domain's outbox, as `take` takes them, without taking them.
select id, event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body
from {schema}.outbox order by id limit $1

-- name: remove
-- Take chosen events out of a domain's outbox.
delete from {schema}.outbox where id = any ($1::bigint[])

-- name: of_event
-- What the log's table has under an event's id.
select position, event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, body from log.events where event_id = $1

-- name: replace_id
-- Give the oldest event in a domain's outbox another id; answers how many it was.
update {schema}.outbox set event_id = gen_random_uuid() where id = (select min(id) from {schema}.outbox) and event_id = $1

-- name: remove_copy
-- Remove the oldest event of a domain's outbox where it is this one, as the log has it.
delete from {schema}.outbox
where id = (select min(id) from {schema}.outbox)
  and (event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, body) = ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

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
-- Events after a position, in order; null for a filter that is not wanted. Nothing where the first of them is not read in the table any more.
select position, event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body, prev_hash, hash
from log.events
where position > $1 and $1 + 1 >= (select first from log.head) and position <= coalesce($2, 9223372036854775807)
  and ($3::uuid is null or tenant_id = $3) and ($4::text is null or starts_with(type, $4))
order by position limit $5

-- name: measured
-- Where the log ends, up to where EVENTS is known to hold it, and up to where it is read in archives.
select position, published, first - 1 as archived from log.head

-- name: first
-- The oldest position that is read in the table.
select first from log.head

-- name: archives
-- The archived runs that hold positions after one and up to another.
select first, last, object_key, sha256, bytes, prev_hash, hash, format from log.archives
where last > $1 and first <= coalesce($2, 9223372036854775807) order by first

-- name: ranges
-- A tenant's pieces of archived runs with positions after one and up to another.
select r.tenant_id, r.first, r.last, r."offset", r.bytes, r.count, r.sha256, a.object_key from log.ranges r join log.archives a on a.first = r.run
where r.tenant_id = $1 and r.last > $2 and r.first <= $3 order by r.last

-- name: archive_of
-- The archived runs that hold an event of this id.
select first, last, object_key, sha256, bytes, prev_hash, hash, format from log.archives where log.tail_of($1) = any (ids) order by first

-- name: is_keeping_due
-- Whether a partition is full and not looked up, or retired and not dropped, or the oldest that is read in the table is from before a moment.
select exists (
  select from log.parts p, log.head h
  where p.last <= h.position and (p.moments is null or (p.retired_at is not null and p.dropped_at is null)
    or (p.retired_at is null and (select e.time from log.events e where e.position = p.last) < $1)))
  or exists (select from log.archives where format = 1)

-- name: part_to_look_up
-- The oldest partition that is full and of whose ids the moments are not known yet.
select p.first, p.last from log.parts p, log.head h where p.last <= h.position and p.moments is null order by p.first limit 1

-- name: moments
-- The moments of a partition's ids as text, rounded outwards to the 200th part of the time in which it was written; and whether some bear none.
with span as (
  select greatest(1000, (extract(epoch from max(time) - min(time)) * 5)::bigint) as width from log.events where position in ($1, $2)),
held as (
  select log.moment_of(event_id) / width * width as moment, width from log.events, span where position between $1 and $2),
ranges as (
  select distinct int8range(moment, moment + width) as range from held where moment is not null)
select coalesce((select range_agg(range) from ranges), '{}')::text as moments, exists (select from held where moment is null) as others

-- name: keep_moments
-- What was looked up.
update log.parts set moments = $2::text::int8multirange, others = $3 where first = $1

-- name: to_archive
-- The oldest partition that is read in the table, if it is full, published, behind what EVENTS is made anew from and as old as that; and
-- from where on it is not archived yet.
select p.first, p.last, coalesce((select max(a.last) from log.archives a), 0) + 1 as next
from log.parts p, log.head h
where p.first <= h.first and p.last >= h.first and p.last <= least(h.published, h.position - $1) and p.moments is not null
  and (select e.time from log.events e where e.position = p.last) < $2

-- name: hash_of
-- The hash of an archived run's last event.
select hash from log.archives where last = $1

-- name: old_runs
-- Archived runs of an earlier release, which are written anew.
select first, last, object_key, sha256, bytes, prev_hash, hash, format from log.archives where format = 1 order by first

-- name: keep_run
-- Write down an archived run and where each tenant's events lie in it.
select log.keep_run($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: retire
-- From now on a partition is read in the archives.
select log.retire($1)

-- name: drop_retired
-- Drop partitions that nobody reads any more; answers their first positions.
select log.drop_retired($1)

-- name: reacted
-- Up to which position each reaction of a domain has come (a part of a larger question over all domains).
select position from {schema}.cursors where starts_with(name, 'reaction.')
