-- name: operation_by_id
-- The stored outcome of one command of a tenant, or of one that its key sent to the platform.
select id, type, state, request_hash, outcome, decided_at
from read.operations
where tenant_id in ($1, 'ffffffff-ffff-4fff-8fff-ffffffffffff') and id = $2;
