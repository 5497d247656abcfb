-- name: all_api_keys
-- Every API key of every tenant, for the edge's memory.
select tenant_id, key_id, name, scopes, secret_sha256, state
from read.api_key_secrets;

-- name: all_tenants
-- Every tenant's limits, for the edge's memory.
select tenant_id, requests_per_second
from read.tenants;

-- name: tenant_by_id
-- The tenant that asks.
select tenant_id, name, render_weight, max_slots, requests_per_second
from read.tenants
where tenant_id = $1;
