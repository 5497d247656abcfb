-- name: operation_by_id
-- The stored outcome of one command of a tenant, or of one that its key sent to the platform, and whether its secret was shown.
select id, type, state, request_hash, outcome, decided_at,
       (exists (select from read.revealed_secrets r where r.tenant_id = $1 and r.command_id = $2)) as shown
from read.operations
where tenant_id in ($1, 'ffffffff-ffff-4fff-8fff-ffffffffffff') and id = $2;

-- name: operations_of_key
-- What somebody asked for by an Idempotency-Key in the last 30 days, on whatever route; $3 is the id that the releases before gave such a command.
select id, tenant_id, domain, type, state, request_hash, decided_at
from read.operations
where tenant_id in ($1, 'ffffffff-ffff-4fff-8fff-ffffffffffff') and key_hash = $2 and key_hash <> '' and decided_at > now() - interval '30 days'
union all
select id, tenant_id, domain, type, state, request_hash, decided_at
from read.operations
where tenant_id in ($1, 'ffffffff-ffff-4fff-8fff-ffffffffffff') and id = $3 and decided_at > now() - interval '30 days';

-- name: actors_of_events
-- Who is behind events of these ids.
select actor from read.log_events where event_id = any($1::uuid[]);
