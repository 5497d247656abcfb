-- name: operation_by_id
-- The stored outcome of one command of a tenant.
select id, type, state, request_hash, outcome, decided_at
from read.operations
where tenant_id = $1 and id = $2;
