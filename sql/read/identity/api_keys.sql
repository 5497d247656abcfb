-- name: all_api_keys
-- Every API key of every tenant, for the edge's memory.
select tenant_id, key_id, name, scopes, secret_sha256, state
from read.api_key_secrets;
