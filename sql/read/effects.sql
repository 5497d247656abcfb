-- name: effects
-- A tenant's effects that are not over, of a domain, a kind or a state, newest first.
select effect_id, domain, kind, lane, state, ended, attempts, paused, chunks, destination, due_at, version, created_at, updated_at
from read.effects
where tenant_id = $1 and ($2::text is null or state = $2) and ($3::text is null or kind = $3) and ($4::text is null or domain = $4)
  and ($5::timestamptz is null or (created_at, effect_id) < ($5, $6::uuid))
order by created_at desc, effect_id desc
limit $7;
