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

-- name: keep_effects
-- What is to be done in the world because of the batch's events.
insert into {schema}.effects (tenant_id, id, kind, payload, envelope, attempts, due_at, last_error)
select tenant_id, id, kind, payload::jsonb, envelope::jsonb, 0, $6, ''
from unnest($1::text::uuid[], $2::text::uuid[], $3::text::text[], $4::text[], $5::text[]) as r(tenant_id, id, kind, payload, envelope)
on conflict do nothing;

-- name: keep_timers
-- Commands that become due because of the batch's events.
insert into {schema}.timers (tenant_id, id, type, body, due_at)
select tenant_id, id, type, body, due_at
from json_to_recordset($1::json) as r(tenant_id uuid, id uuid, type text, body jsonb, due_at timestamptz)
on conflict do nothing;

-- name: cursor
-- Up to which position this domain has reacted to the log.
select position from {schema}.cursors where name = 'events';

-- name: move_cursor
-- In the transaction that holds the reactions; answers where it stands then, nothing when it stays. Never beyond what EVENTS is known to
-- hold: what follows there may be no event of the log.
insert into {schema}.cursors (name, position) select 'events', least($1, published) from platform.log_head
on conflict (name) do update set position = excluded.position where {schema}.cursors.position < excluded.position
returning position;

-- name: log_head
-- By what this domain knows the log's messages, and up to where EVENTS is known to hold the log.
select published, epoch, seal from platform.log_head;

-- name: claim_effects
-- Take effects that are due and push their due moment out, so that nobody else takes them meanwhile.
update {schema}.effects e set attempts = attempts + 1, due_at = now() + interval '60 seconds'
from (select tenant_id, id from {schema}.effects where due_at <= now() order by due_at limit $1 for update skip locked) d
where e.tenant_id = d.tenant_id and e.id = d.id and exists (select from {schema}.leader where lease = $2)
returning e.tenant_id, e.id, e.kind, e.payload::text as payload, e.envelope::text as envelope, e.attempts;

-- name: take_over_effects
-- What a leader that is no more had claimed becomes due, except what the new one has under way itself.
update {schema}.effects set due_at = now() where due_at > now() and id <> all ($1::uuid[])
  and exists (select from {schema}.leader where lease = $2);

-- name: drop_effects
-- Done, and reported.
delete from {schema}.effects where (tenant_id, id) in (select * from unnest($1::uuid[], $2::uuid[]))
  and exists (select from {schema}.leader where lease = $3);

-- name: postpone_effect
-- Failed for now.
update {schema}.effects set due_at = now() + make_interval(secs => $3), last_error = $4, attempts = $5
where tenant_id = $1 and id = $2 and exists (select from {schema}.leader where lease = $6);

-- name: due_timers
-- Commands whose moment has come.
select tenant_id, id, type, body::text as body from {schema}.timers
where due_at <= now() and exists (select from {schema}.leader where lease = $2) order by due_at limit $1;

-- name: next_timer
-- Seconds until the next timer; null without one.
select extract(epoch from min(due_at) - now())::float8 from {schema}.timers;

-- name: drop_timers
-- Their commands are published.
delete from {schema}.timers where (tenant_id, id) in (select * from unnest($1::uuid[], $2::uuid[]))
  and exists (select from {schema}.leader where lease = $3);

-- name: quarantined
-- What waits for a person, or was given another try that nobody has decided yet.
select tenant_id, id, type, coalesce(nullif(reason, ''), outcome->'problem'->>'detail') as reason, decided_at, state,
  coalesce((headers->>'reacts-to')::bigint, 0) as position from {schema}.inbox
where state in ('quarantined', 'reopened') order by decided_at limit $1;

-- name: reopen
-- Give a quarantined command another try, as often as it takes to publish it; answers what was published.
update {schema}.inbox set state = 'reopened' where tenant_id = $1 and id = $2 and state in ('quarantined', 'reopened') returning headers::text as headers, body;

-- name: forget_operations
-- Operations are kept 30 days; a quarantined one stays.
delete from {schema}.inbox where ctid in (select ctid from {schema}.inbox where decided_at < now() - interval '30 days' and state in ('done', 'refused') limit 5000)
  and exists (select from {schema}.leader where lease = $1);

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
  insert into {schema}.timers (tenant_id, id, type, body, due_at) values ($1, $1, 'probe', '{}', now()))
insert into {schema}.cursors (name, position) values ('probe', 0);
