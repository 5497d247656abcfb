-- name: effects
-- A tenant's effects that are not over, of a domain, a kind or a state, newest first. With a kind or a state it looks at 500 effects at most;
-- where that was not all, a row without a version says how far it was.
with seen as materialized (
  select * from read.effects
  where tenant_id = $1 and ($4::text is null or domain = $4) and (created_at, effect_id) < ($5::timestamptz, $6::uuid)
  order by created_at desc, effect_id desc limit case when $2::text is null and $3::text is null then $7 else 500 end),
found as materialized (
  select * from seen where ($2::text is null or state = $2) and ($3::text is null or kind = $3) order by created_at desc, effect_id desc limit $7),
last as (
  select created_at, effect_id from seen order by created_at, effect_id limit 1)
select effect_id, domain, kind, lane, state, ended, attempts, paused, chunks, destination, due_at, version, created_at, updated_at
from found
union all
select effect_id, null, null, null, null, null, null, null, null, null, null, null, created_at, null
from last
where ($2::text is not null or $3::text is not null) and (select count(*) from seen) = 500 and (select count(*) from found) < $7
order by created_at desc, effect_id desc, version nulls last;
