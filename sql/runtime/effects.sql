-- name: keep_effects
-- What is to be done in the world because of the batch's events.
insert into {schema}.effects (tenant_id, id, kind, payload, envelope, lane, repeatable, destination, pace, burst, cursor, epoch, attempts, due_at, last_error)
select tenant_id, id, kind, payload::jsonb, envelope::jsonb, lane, repeatable, destination, pace, burst, cursor::jsonb,
  (select epoch from platform.log_head), 0, now(), ''
from unnest($1::text::uuid[], $2::text::uuid[], $3::text::text[], $4::text[], $5::text[], $6::text::text[], $7::text::boolean[], $8::text::text[],
  $9::text::float8[], $10::text::bigint[], $11::text[])
  as r(tenant_id, id, kind, payload, envelope, lane, repeatable, destination, pace, burst, cursor)
on conflict do nothing;

-- name: claim_effects
-- Take as many effects of lane $1 as are free ($4), for $8 seconds as claim $5: of each tenant and destination in turn, beginning behind the one
-- that was served last ($2, $3), so many as its rate and its breaker let through. What this process has already ($7) is not taken. One that
-- must not be repeated and is older than the last restore of the log is not taken either: what became of it is unknown, asked after $9 seconds.
-- Answers the rows; and in every row, or in one without an effect, the pair to go on behind, how many pairs were seen, and in how many seconds the
-- first of them that may not go yet may.
with recursive
head as materialized (select epoch from platform.log_head where exists (select from {schema}.leader where lease = $6::bigint)),
pairs as (
  (select tenant_id, destination, due_at, pace, burst, 1 as number from {schema}.effects
   where lane = $1::text and state = 'due' and not paused and not owing and (tenant_id, destination) > ($2::uuid, $3::text)
   order by tenant_id, destination, due_at limit 1)
  union all
  select n.tenant_id, n.destination, n.due_at, n.pace, n.burst, p.number + 1
  from pairs p cross join lateral (
    select e.tenant_id, e.destination, e.due_at, e.pace, e.burst from {schema}.effects e
    where e.lane = $1::text and e.state = 'due' and not e.paused and not e.owing and (e.tenant_id, e.destination) > (p.tenant_id, p.destination)
    order by e.tenant_id, e.destination, e.due_at limit 1) n
  where p.number < $10::int),
judged as materialized (
  select p.*, coalesce(d.failures, 0) + (d.opens_at is not null)::int as failures, (p.pace > 0 or d.opens_at is not null) as limited,
    greatest(p.due_at, d.opens_at, d.tat - make_interval(secs => (p.burst - 1) * p.pace)) as opens
  from pairs p left join {schema}.destinations d on p.destination <> '' and d.tenant_id = p.tenant_id and d.destination = p.destination),
ready as materialized (select * from judged where opens <= now() order by number limit $4::int),
wanted as materialized (
  select r.tenant_id, r.destination, r.number, r.pace, r.burst, r.failures, r.limited, e.id, e.nth
  from ready r cross join lateral (
    select o.id, row_number() over (order by o.due_at, o.id) as nth from (
      select w.id, w.due_at from {schema}.effects w
      where w.lane = $1::text and w.state = 'due' and not w.paused and not w.owing and w.tenant_id = r.tenant_id and w.destination = r.destination
        and w.due_at <= now() and w.id <> all ($7::uuid[])
      order by w.due_at limit (select ceil($4::int::float8 / greatest(1, count(*)))::int from ready)) o) e
  order by e.nth, r.number limit $4::int),
granted as (
  insert into {schema}.destinations as d (tenant_id, destination, tat, pace, burst, failures, opens_at, probe, granted)
  select tenant_id, destination, now() + make_interval(secs => least(count(*), burst) * pace), pace, burst, 0, null, null, least(count(*), burst)
  from wanted where limited and exists (select from head) group by tenant_id, destination, pace, burst
  on conflict (tenant_id, destination) do update set
    granted = platform.may_go(excluded.granted, d.tat, d.opens_at, excluded.pace, excluded.burst),
    tat = greatest(d.tat, now())
      + make_interval(secs => platform.may_go(excluded.granted, d.tat, d.opens_at, excluded.pace, excluded.burst) * excluded.pace),
    opens_at = case when d.opens_at <= now() then now() + make_interval(secs => $8::float8) else d.opens_at end,
    probe = case when d.opens_at <= now() then $5::uuid else d.probe end,
    pace = excluded.pace, burst = excluded.burst
  returning tenant_id, destination, granted),
taken as (
  update {schema}.effects e set
    state = case when e.repeatable or e.epoch = h.epoch then 'due' else 'unknown' end,
    claim = case when e.repeatable or e.epoch = h.epoch then $5::uuid end,
    due_at = now() + make_interval(secs => case when e.repeatable or e.epoch = h.epoch then $8::float8 else $9::float8 end),
    unknown_at = case when e.repeatable or e.epoch = h.epoch then e.unknown_at else now() end,
    attempts = e.attempts + (e.repeatable or e.epoch = h.epoch)::int,
    epoch = h.epoch, updated_at = now()
  from head h, (select w.tenant_id, w.id, w.failures from wanted w left join granted g using (tenant_id, destination)
                where not w.limited or w.nth <= g.granted) t
  where e.tenant_id = t.tenant_id and e.id = t.id and e.state = 'due' and not e.paused and not e.owing and e.due_at <= now()
  returning e.tenant_id, e.id, e.kind, e.payload::text as payload, e.envelope::text as envelope, e.attempts, e.asks, e.reports, e.ended, e.claim, e.state,
    e.destination, e.cursor::text as cursor, t.failures)
select t.*, m.* from (
  select (select epoch from head) as epoch, (select count(*) from pairs) as seen, (select count(*) from wanted) as wanted,
    case when (select count(*) from wanted) < $4::int then (select max(number) from pairs) else (select max(number) from wanted) end as upto,
    (select extract(epoch from min(opens) - now())::float8 from judged where opens > now()) as wait) n
cross join lateral (select n.epoch as log_epoch, n.seen, n.wanted, n.wait, p.tenant_id as last_tenant, p.destination as last_destination
  from (select 1) one left join pairs p on p.number = n.upto) m
left join taken t on true;

-- name: take_over_effects
-- What a leader that is no more had claimed becomes free, except what the new one has under way itself; what it was handing over is unknown,
-- and looked at when the time that it had for that is over.
update {schema}.effects set claim = null, updated_at = now(),
  state = case when state = 'handing' then 'unknown' else state end,
  unknown_at = case when state = 'handing' then coalesce(unknown_at, now()) else unknown_at end,
  due_at = case when state in ('handing', 'unknown') and not owing then due_at else now() end
where (claim is not null or (state = 'handing' and not owing)) and id <> all ($1::uuid[]) and exists (select from {schema}.leader where lease = $2);

-- name: doubt_restored
-- After a restore of the log: what must not be repeated and has not ended is unknown, and is judged in the present epoch from now on.
update {schema}.effects e set state = 'unknown', claim = null, unknown_at = coalesce(e.unknown_at, now()), epoch = h.epoch, updated_at = now(),
  due_at = case when e.state = 'unknown' then e.due_at else now() + make_interval(secs => $1) end
from platform.log_head h
where not e.repeatable and e.state in ('due', 'handing', 'unknown') and e.epoch < h.epoch and exists (select from {schema}.leader where lease = $2);

-- name: hold_effects
-- Renew the claims on what is under way; answers what is held still. One that is being handed over keeps its own time.
update {schema}.effects e set due_at = case when e.state = 'handing' then e.due_at else now() + make_interval(secs => $4) end
from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as r(tenant_id, id, claim)
where e.tenant_id = r.tenant_id and e.id = r.id and e.claim = r.claim and exists (select from {schema}.leader where lease = $5)
returning e.id;

-- name: move_effects
-- The next state of effects that this process has claimed; null leaves a value as it is. Whoever lost the claim changes nothing.
update {schema}.effects e set
  state = coalesce(r.state, e.state), ended = coalesce(r.ended, e.ended), owing = r.owing,
  answer = case when r.owing then coalesce(r.answer::jsonb, e.answer) end,
  claim = case when r.keeps then e.claim end,
  due_at = case when r.seconds is null then greatest(e.due_at, now()) else now() + make_interval(secs => r.seconds) end,
  attempts = greatest(0, e.attempts + r.attempts), asks = e.asks + r.asks, reports = e.reports + r.reports,
  last_error = coalesce(r.error, e.last_error),
  handed_at = case when r.state = 'handing' then now() else e.handed_at end,
  unknown_at = case r.state when 'unknown' then coalesce(e.unknown_at, now()) when 'due' then null else e.unknown_at end,
  epoch = case when r.state = 'due' then h.epoch else e.epoch end,
  version = e.version + 1, updated_at = now()
from unnest($1::text::uuid[], $2::text::uuid[], $3::text::uuid[], $4::text::text[], $5::text::text[], $6::text::boolean[], $7::text[], $8::text::boolean[],
  $9::text::float8[], $10::text::bigint[], $11::text::bigint[], $12::text::bigint[], $13::text::text[])
  as r(tenant_id, id, claim, state, ended, owing, answer, keeps, seconds, attempts, asks, reports, error), platform.log_head h
where e.tenant_id = r.tenant_id and e.id = r.id and e.claim = r.claim and exists (select from {schema}.leader where lease = $14)
returning e.id;

-- name: drop_effects
-- Done, and reported.
delete from {schema}.effects e using unnest($1::uuid[], $2::uuid[], $3::uuid[]) as r(tenant_id, id, claim)
where e.tenant_id = r.tenant_id and e.id = r.id and e.claim = r.claim and exists (select from {schema}.leader where lease = $4)
returning e.id;

-- name: claim_owing
-- Take what has ended, or has a chunk done, and is not reported; answers in how many seconds the next is due, too.
with taken as (
  update {schema}.effects e set claim = $1, due_at = now() + make_interval(secs => $4), updated_at = now()
  from (select tenant_id, id from {schema}.effects where owing and due_at <= now() and id <> all ($3::uuid[]) order by due_at limit $2) d
  where e.tenant_id = d.tenant_id and e.id = d.id and e.owing and e.due_at <= now() and exists (select from {schema}.leader where lease = $5)
  returning e.tenant_id, e.id, e.kind, e.payload::text as payload, e.envelope::text as envelope, e.attempts, e.asks, e.reports, e.ended, e.claim, e.state,
    e.destination, e.answer::text as answer, e.last_error)
select t.*, n.wait from (select (select extract(epoch from due_at - now())::float8 from {schema}.effects where owing and due_at > now()
  order by due_at limit 1) as wait) n left join taken t on true;

-- name: claim_open
-- Take what is unknown, or was being handed over by a process that said nothing more; answers in how many seconds the next is due, too.
with taken as (
  update {schema}.effects e set claim = $1, due_at = now() + make_interval(secs => $4), updated_at = now(), state = 'unknown',
    unknown_at = coalesce(e.unknown_at, now())
  from (select tenant_id, id from {schema}.effects where state in ('handing', 'unknown') and not owing and due_at <= now() and id <> all ($3::uuid[])
        order by due_at limit $2) d
  where e.tenant_id = d.tenant_id and e.id = d.id and e.state in ('handing', 'unknown') and not e.owing and e.due_at <= now()
    and exists (select from {schema}.leader where lease = $5)
  returning e.tenant_id, e.id, e.kind, e.payload::text as payload, e.envelope::text as envelope, e.attempts, e.asks, e.reports, e.ended, e.claim, e.state,
    e.destination, e.last_error, extract(epoch from now() - e.unknown_at)::float8 as unknown_for)
select t.*, n.wait from (select (select extract(epoch from due_at - now())::float8 from {schema}.effects
  where state in ('handing', 'unknown') and not owing and due_at > now() order by due_at limit 1) as wait) n left join taken t on true;

-- name: keep_chunk
-- In the transaction of a chunk: where the next one begins, and what reports this one. Nothing for whoever lost the claim, which undoes the chunk.
update {schema}.effects e set cursor = $4::jsonb, chunks = e.chunks + 1, attempts = 0, answer = $5::jsonb, owing = $6,
  state = case when $7 then 'done' else 'due' end, ended = case when $7 then 'done' else '' end,
  claim = case when $6 or $7 then e.claim end, due_at = case when $6 or $7 then now() + make_interval(secs => $8) else now() end,
  last_error = '', version = e.version + 1, updated_at = now()
where e.tenant_id = $1 and e.id = $2 and e.claim = $3 and e.state = 'due' and exists (select from {schema}.leader where lease = $9)
returning e.id;

-- name: hear_destination
-- A destination failed ($3), or answers again: then it is free. After $4 failures in a row, or when its probe failed, it rests for $5 seconds,
-- twice as long each time; $6 seconds at least, where it has asked for peace itself. What is no probe does not free it.
insert into {schema}.destinations as d (tenant_id, destination, tat, pace, burst, failures, opens_at, probe, granted)
select $1::uuid, $2::text, now(), 0, 1, $3::boolean::int,
  case when $6::float8 > 0 then now() + make_interval(secs => $6::float8) when $3::boolean and $4::int <= 1 then now() + make_interval(secs => $5::float8) end, null, 0
where exists (select from {schema}.leader where lease = $8::bigint)
on conflict (tenant_id, destination) do update set
  failures = case when $3::boolean then d.failures + 1 when $6::float8 > 0 then d.failures when d.opens_at is null or d.probe = $7::uuid then 0 else d.failures end,
  opens_at = case when $6::float8 > 0 then greatest(d.opens_at, now() + make_interval(secs => $6::float8))
    when $3::boolean and d.failures + 1 >= $4::int and (d.opens_at is null or d.probe = $7::uuid)
      then now() + make_interval(secs => $5::float8 * 2 ^ least(d.failures + 1 - $4::int, 5))
    when not $3::boolean and d.probe = $7::uuid then null else d.opens_at end,
  probe = case when d.probe = $7::uuid then null else d.probe end;

-- name: forget_destinations
-- Of whom nothing has been heard for a day, a fresh row knows as much.
delete from {schema}.destinations where tat < now() - interval '1 day' and opens_at is null and exists (select from {schema}.leader where lease = $1);

-- name: effects
-- Effects as an operator sees them, the longest there first; each filter may be null.
select tenant_id, id, kind, lane, state, ended, owing, attempts, asks, paused, chunks, destination, claim is not null as claimed, due_at, created_at, updated_at,
  last_error
from {schema}.effects where ($1::text is null or state = $1) and ($2::text is null or kind = $2) order by created_at, id limit $3;

-- name: effect_counts
-- How many effects there are by kind and state; for how many seconds the oldest of them has been there, and for how many the one that nobody
-- took up has been due the longest (0: none is due).
select kind, state, count(*) as count, extract(epoch from now() - min(created_at))::float8 as oldest,
  greatest(0, coalesce(extract(epoch from now() - min(due_at) filter (where state = 'due' and not paused and not owing and claim is null)), 0))::float8 as overdue
from {schema}.effects group by kind, state order by kind, state;
