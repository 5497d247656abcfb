-- name: all_tenants
-- Every tenant's limits, for the edge's memory.
select tenant_id, requests_per_second
from read.tenants;

-- name: tenant_by_id
-- The tenant that asks.
select tenant_id, name, render_weight, max_slots, requests_per_second
from read.tenants
where tenant_id = $1;
