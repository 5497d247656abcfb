-- name: state
-- How far was looked, and what EVENTS must hold by now.
select s.position, s.hash, s.decided_at, s.looked_at, h.published from checks.state s, log.head h

-- name: walks
-- Where the walks go on.
select name, after from checks.walks

-- name: standing
-- What was found before and was not put right.
select name, place, expected, found, remedy, again, since, seen_at from checks.differences order by since, name, place

-- name: keep_state
-- All was compared up to here.
update checks.state set position = $1, hash = $2, decided_at = $3

-- name: keep_looked
-- A look has ended; $1 says whether at everything.
update checks.state set looked_at = now(), whole_at = case when $1 then now() else whole_at end

-- name: keep_walk
-- A walk goes on behind this.
insert into checks.walks (name, after) values ($1, $2) on conflict (name) do update set after = excluded.after

-- name: keep_difference
-- Something differs, since now or since before; answers whether it is new.
insert into checks.differences (name, place, expected, found, remedy, again, since, seen_at) values ($1, $2, $3, $4, $5, $6, now(), now())
on conflict (name, place) do update set expected = excluded.expected, found = excluded.found, remedy = excluded.remedy, seen_at = now()
returning xmax = 0

-- name: end_difference
-- It was looked at again and agrees.
delete from checks.differences where name = $1 and place = $2

-- name: head
-- What the log says of itself in this snapshot.
select now() as now, published, epoch, seal, position, hash, first, (select time from log.events e where e.position >= h.first order by e.position limit 1) as first_time,
  coalesce((select max(e.position) from log.events e), (select max(a.last) from log.archives a), 0) as last,
  coalesce((select e.hash from log.events e order by e.position desc limit 1), (select a.hash from log.archives a order by a.last desc limit 1), repeat('0', 64)) as last_hash
from log.head h

-- name: columns
-- The columns of each of these tables; none for one that is not there.
select t.name, coalesce(array_agg(a.attname::text) filter (where a.attnum > 0 and not a.attisdropped), '{}') as columns
from unnest($1::text[]) as t(name)
left join pg_attribute a on a.attrelid = to_regclass(t.name)
group by t.name

-- name: hash_at
-- The hash at a position that the table holds.
select hash from log.events where position = $1

-- name: time_at
-- The time of the event at a position, or of the next.
select time from log.events where position >= $1 order by position limit 1

-- name: times_before
-- The events just before a position: which tenants' batches may reach over it.
select tenant_id, time from log.events where position <= $1 and position > $1 - 2500

-- name: hashes_between
-- What EVENTS must hold between two positions.
select position, hash from log.events where position > $1 and position <= $2

-- name: waiting
-- Events of a domain that are not in the log yet, in the order in which they will be.
select event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body from {schema}.outbox order by id

-- name: waiting_of_tenant
-- The same of one tenant.
select event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body
from {schema}.outbox where tenant_id = $1 order by id

-- name: logged
-- Which of these events the log's table holds.
select event_id from log.events where event_id = any ($1::uuid[])

-- name: caused
-- Which of these commands caused an event of their tenant behind a position.
select distinct causation_id from log.events where position > $1 and causation_id = any ($2::uuid[])

-- name: decided
-- Which of these commands a domain has decided; each is of the tenant named with it.
select id from {schema}.inbox where (tenant_id, id) in (select * from unnest($1::uuid[], $2::uuid[]))

-- name: operations
-- What a domain has decided since a moment, the latest first; by the inbox's two indexes, which hold what is over and what waits.
select tenant_id, id, type, state, events, decided_at from (
  (select tenant_id, id, type, state, events, decided_at from {schema}.inbox
   where decided_at > $1 and state in ('done', 'refused') order by decided_at desc limit $2)
  union all
  (select tenant_id, id, type, state, events, decided_at from {schema}.inbox
   where decided_at > $1 and state = 'quarantined' order by decided_at desc limit $2)) o
order by decided_at desc limit $2

-- name: alarms
-- What the log itself waits for.
select name, detail, remedy from log.alarms order by name

-- name: oldest_waiting
-- Since when a domain's outbox waits.
select min(time) as oldest, count(*) as count from {schema}.outbox having min(time) < now() - make_interval(secs => $1)

-- name: cursors
-- How far a domain has reacted.
select name, position from {schema}.cursors order by name

-- name: unheard
-- The first event of some types behind a cursor that has had its time.
select position, type, time from log.events
where position > $1 and position <= $2 and type = any ($3::text[]) and time < now() - make_interval(secs => $4)
order by position limit 1

-- name: overdue_effects
-- Effects that nobody has taken up for long, by what holds them up: their destination's rate and breaker are reasons, a person's pause is one too.
select kind, case when owing then 'ended and not reported' when state = 'handing' then 'being handed over' else 'due' end as how,
  count(*) as count, min(due_at) as oldest, max(attempts) as attempts, max(last_error) as error
from {schema}.effects e
where due_at < now() - make_interval(secs => $1) and (owing or state = 'handing' or (state = 'due' and not paused
  and not exists (select from {schema}.destinations d where d.tenant_id = e.tenant_id and d.destination = e.destination
    and (d.opens_at is not null or d.tat > now()))))
group by 1, 2 order by 1, 2

-- name: effects_there
-- Which of these effects have a row.
select id from {schema}.effects where (tenant_id, id) in (select * from unnest($1::uuid[], $2::uuid[]))

-- name: overdue_timers
-- Timers whose moment has long passed: that nobody published, whose command nobody decided, or that wait for a person.
select tenant_id, name, type, due_at, set_aside, again_at is not null as published from {schema}.timers
where set_aside <> '' or coalesce(again_at, due_at) < now() - make_interval(secs => $1) order by due_at limit 20

-- name: timers_there
-- The moments of these timers, and by which event they were set.
select tenant_id, name, set_by, due_at from {schema}.timers where (tenant_id, name) in (select * from unnest($1::uuid[], $2::text[]))

-- name: archives
-- Every archived run, in order.
select first, last, object_key, sha256, bytes, prev_hash, hash from log.archives order by first

-- name: tenants_after
-- The next tenant of the walk over all of them.
select tenant_id from identity.tenants where tenant_id > $1 order by tenant_id limit 1

-- name: events_of
-- How many events a tenant has, as far as they are counted.
select (select count(*) from (select from log.events where tenant_id = $1 limit $2) e)
  + coalesce((select sum(count) from log.ranges where tenant_id = $1), 0)::bigint

-- name: rows_of
-- A tenant's rows of one table, each as JSON.
select coalesce(json_agg(t), '[]')::text from {table} t where tenant_id = $1

-- name: end_all
-- Everything was looked at and agrees.
delete from checks.differences

-- name: keep_nothing
-- Nothing was compared.
update checks.state set position = 0, hash = '', decided_at = null

-- name: end_walks
-- Every walk begins anew.
delete from checks.walks

-- name: tenants_of_requests
-- Whose events these requests caused.
select distinct correlation_id, tenant_id from log.events where correlation_id = any ($1::uuid[])

-- name: looked
-- When was looked the last time.
select looked_at from checks.state
