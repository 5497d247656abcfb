-- name: all_api_keys
-- Every API key of every tenant, for the edge's memory.
select tenant_id, key_id, name, scopes, secret_sha256, state
from read.api_keys;

-- name: all_tenants
-- Every tenant's limits, for the edge's memory.
select tenant_id, requests_per_second
from read.tenants;

-- name: api_keys
-- A tenant's API keys, newest first, without their hashes.
select key_id, name, scopes, hint, state, format, version, created_at, updated_at
from read.api_keys
where tenant_id = $1 and (created_at, key_id) < ($2::timestamptz, $3::uuid)
order by created_at desc, key_id desc
limit $4;

-- name: tenant_by_id
-- The tenant that asks.
select tenant_id, name, render_weight, max_slots, requests_per_second
from read.tenants
where tenant_id = $1;
