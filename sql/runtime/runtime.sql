-- name: seen
-- Which of these commands have a row already, with what became of them.
select id, tenant_id, state, request_hash, outcome::text as outcome from {schema}.inbox
where (tenant_id, id) in (select * from unnest($1::uuid[], $2::uuid[]));

-- name: keep_operations
-- The operations of a batch, in the transaction that carries out what they ask; a reopened one gets its new outcome.
insert into {schema}.inbox (tenant_id, id, type, request_hash, key_hash, state, outcome, headers, body, reason, events, decided_at)
select tenant_id, id, type, request_hash, key_hash, state, outcome::jsonb, headers::jsonb, body, reason, events, $12
from unnest($1::text::uuid[], $2::text::uuid[], $3::text::text[], $4::text::text[], $5::text::text[], $6::text::text[], $7::text[],
  $8::text::text[], $9::text::text[], $10::text::text[], $11::text::int[])
  as r(tenant_id, id, type, request_hash, key_hash, state, outcome, headers, body, reason, events)
on conflict (tenant_id, id) do update set state = excluded.state, outcome = excluded.outcome, headers = excluded.headers, body = excluded.body,
  reason = excluded.reason, events = excluded.events, decided_at = excluded.decided_at
where {schema}.inbox.state = 'reopened';

-- name: keep_events
-- The batch's events, for the sequencer.
insert into {schema}.outbox (event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body)
select event_id, type, tenant_id, $11, actor, correlation_id, causation_id, aggregate, version, traceparent, body
from unnest($1::text::uuid[], $2::text::text[], $3::text::uuid[], $4::text::text[], $5::text::uuid[], $6::text::uuid[], $7::text::text[], $8::text::bigint[], $9::text::text[], $10::text[])
  with ordinality as r(event_id, type, tenant_id, actor, correlation_id, causation_id, aggregate, version, traceparent, body, at)
order by at;

-- name: held_timers
-- The timers whose commands are about to be decided.
select tenant_id, name, set_by, type, body::text as body, due_at, recurrence::text as recurrence from {schema}.timers
where (tenant_id, name) in (select * from unnest($1::uuid[], $2::text[]))
order by tenant_id, name for update;

-- name: keep_timers
-- What a batch's events set and moved, and recurring ones at their next moment; each is published anew.
insert into {schema}.timers (tenant_id, name, set_by, type, body, due_at, recurrence, again_at, set_aside)
select tenant_id, name, set_by, type, body, due_at, recurrence, null, set_aside
from json_to_recordset($1::json) as r(tenant_id uuid, name text, set_by uuid, type text, body jsonb, due_at timestamptz, recurrence jsonb, set_aside text)
order by tenant_id, name
on conflict (tenant_id, name) do update set set_by = excluded.set_by, type = excluded.type, body = excluded.body, due_at = excluded.due_at,
  recurrence = excluded.recurrence, again_at = null, set_aside = excluded.set_aside;

-- name: drop_timers
-- What a batch's events dropped, and those whose commands it decided.
delete from {schema}.timers where (tenant_id, name) in (select * from unnest($1::uuid[], $2::text[]));

-- name: cursors
-- Up to where each reaction has come, where it began, whether it learns, and how much of that before commands are taken.
select name, position, since, goal, learns from {schema}.cursors where starts_with(name, 'reaction.');

-- name: begin_cursors
-- A reaction's first start.
insert into {schema}.cursors (name, position, since, goal, learns)
select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[])
on conflict (name) do nothing;

-- name: begin_ids
-- This release's first leader: up to the end of the log, reactions' commands have the ids of the releases before.
insert into {schema}.cursors (name, position) values ('former ids', $1) on conflict (name) do nothing;

-- name: former_ids
-- Up to which position they do.
select position from {schema}.cursors where name = 'former ids';

-- name: take_over_cursor
-- The first start of a fold that earlier releases had as commands: their events hold the copy up to here.
update {schema}.cursors set position = $2, since = $2, goal = 0 where name = $1;

-- name: decided
-- Which of these commands have an operation.
select id from {schema}.inbox where (tenant_id, id) in (select * from unnest($1::uuid[], $2::uuid[]));

-- name: move_cursors
-- In the transaction that holds what the reactions made; answers where those stand then that moved. Never beyond what EVENTS is known to
-- hold: what follows there may be no event of the log.
update {schema}.cursors c set position = least(m.position, h.published)
from unnest($1::text[], $2::bigint[]) as m(name, position), platform.log_head h
where c.name = m.name and c.position < least(m.position, h.published)
returning c.name, c.position;

-- name: log_head
-- By what this domain knows the log's messages, and up to where EVENTS is known to hold the log.
select published, epoch, seal from platform.log_head;

-- name: due_timers
-- What is to be published: whose moment has come, or was published long ago and is still there.
select tenant_id, name, set_by, type, body::text as body, due_at, recurrence::text as recurrence, again_at is not null as published
from {schema}.timers
where coalesce(again_at, due_at) <= $1 and set_aside = '' and exists (select from {schema}.leader where lease = $3)
order by coalesce(again_at, due_at) limit $2;

-- name: next_timer
-- When the next is to be published; null without one.
select coalesce(again_at, due_at) from {schema}.timers where set_aside = '' order by coalesce(again_at, due_at) limit 1;

-- name: timers_published
-- Their commands are in their stream, and go there once more after $7, or after as long as they are late, a day at most. What a batch is
-- about to decide at this moment needs no note.
update {schema}.timers t set again_at = $5::timestamptz + greatest($7::interval, least($5 - t.due_at, interval '1 day'))
from (select h.tenant_id, h.name from {schema}.timers h
      join unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[]) as p(tenant_id, name, set_by, due_at)
        on (h.tenant_id, h.name, h.set_by, h.due_at) = (p.tenant_id, p.name, p.set_by, p.due_at)
      for update of h skip locked) d
where t.tenant_id = d.tenant_id and t.name = d.name and exists (select from {schema}.leader where lease = $6);

-- name: set_timer_aside
-- It cannot be read, or not be published; the others go on.
update {schema}.timers set set_aside = $5
where tenant_id = $1 and name = $2 and set_by = $3 and due_at = $4 and exists (select from {schema}.leader where lease = $6);

-- name: try_set_aside
-- Another release may read what the one before could not.
update {schema}.timers set set_aside = '' where starts_with(set_aside, $1) and set_aside <> '' and exists (select from {schema}.leader where lease = $2);

-- name: pass_over_timer
-- What was missed does not count: the next occurrence, or none any more.
with over as (
  delete from {schema}.timers where $5::timestamptz is null
    and tenant_id = $1 and name = $2 and set_by = $3 and due_at = $4 and exists (select from {schema}.leader where lease = $6))
update {schema}.timers set due_at = $5, again_at = null where $5::timestamptz is not null
  and tenant_id = $1 and name = $2 and set_by = $3 and due_at = $4 and exists (select from {schema}.leader where lease = $6);

-- name: listed_timers
-- The domain's timers, those that were set aside first; $1: only these.
select tenant_id, name, type, due_at, recurrence->>'rule' as rule, recurrence->>'zone' as zone, again_at, set_aside from {schema}.timers
where set_aside <> '' or not $1 order by set_aside = '', due_at limit $2;

-- name: timers_aside
-- How many timers were set aside.
select count(*) from {schema}.timers where set_aside <> '';

-- name: quarantined
-- What waits for a person, or was given another try that nobody has decided yet.
select tenant_id, id, type, coalesce(nullif(reason, ''), outcome->'problem'->>'detail') as reason, decided_at, state,
  coalesce((headers->>'reacts-to')::bigint, 0) as position, coalesce(headers->>'reaction', '') as reaction from {schema}.inbox
where state in ('quarantined', 'reopened') order by decided_at limit $1;

-- name: reopen
-- Give a quarantined command another try, as often as it takes to publish it; answers what was published.
update {schema}.inbox set state = 'reopened' where tenant_id = $1 and id = $2 and state in ('quarantined', 'reopened') returning headers::text as headers, body;

-- name: sweep
-- Remove rows that are over, a bounded number; by their places, which are found by an index.
delete from {schema}.{table} where ctid = any (array(select ctid from {schema}.{table} where {column} < $1 and {goes} order by {column} limit $2))
  and exists (select from {schema}.leader where lease = $3);

-- name: keep_months
-- Make the next month's partition of a table, drop those that are older than so many months; answers what was done.
select platform.keep_months($1::text::regclass, 1, $2, $3) from {schema}.leader where lease = $4;

-- name: oldest_month
-- When the oldest month begins of which a table has a partition.
select min(to_date(right(c.relname, 7), 'YYYY_MM'))::timestamp at time zone 'UTC' from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = '{schema}.{table}'::regclass;

-- name: has_column
-- Whether a table has a column.
select exists (select from pg_attribute where attrelid = to_regclass($1) and attname = $2 and not attisdropped);

-- name: close_quarantined
-- What a reaction could not make of an event was made and published now.
update {schema}.inbox set state = 'done', outcome = jsonb_set(outcome - 'problem', '{state}', '"done"'), headers = null, body = null, reason = ''
where tenant_id = $1 and id = $2;

-- name: probe
-- Do, for a moment, what every batch does, so that a schema, a privilege or a disk that would fail it is known.
with operation as (
  insert into {schema}.inbox (tenant_id, id, type, request_hash, key_hash, state, outcome, headers, body, reason, decided_at)
  values ($1, $1, 'probe', '', '', 'done', '{}', null, null, '', now())),
event as (
  insert into {schema}.outbox (event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body)
  values ($1, 'evt.probe.probe.probe.v1', $1, now(), '', $1, $1, '', 0, '', '{}')),
effect as (
  insert into {schema}.effects (tenant_id, id, kind, payload, envelope, attempts, due_at, last_error) values ($1, $1, 'probe', '{}', '{}', 0, now(), '')),
timer as (
  insert into {schema}.timers (tenant_id, name, set_by, type, body, due_at, recurrence, again_at, set_aside)
  values ($1, 'probe', $1, 'probe', '{}', now(), null, null, 'probe'))
insert into {schema}.cursors (name, position) values ('probe', 0);
