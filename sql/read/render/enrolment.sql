-- name: join_tokens
-- Join tokens of the farm, newest first, without their hashes; they belong to the platform tenant ($1 is only checked to be somebody).
select token_id, note, hint, state, expires_at, node_id, version, created_at, updated_at
from read.join_tokens
where $1::uuid is not null and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff'
  and (created_at, token_id) < ($2::timestamptz, $3::uuid)
order by created_at desc, token_id desc
limit $4;

-- name: node_identity
-- What a node's secret is compared with; nobody but the edge itself sees this.
select secret_sha256 from read.node_secrets where tenant_id = $1 and node_id = $2;

-- name: node_standing
-- Whether a node may speak to the farm.
select node_id, name, state, reason
from read.node_identities
where tenant_id = $1 and node_id = $2;

-- name: join_token
-- What a joining node's token is compared with, and the secret's hash of the node that used it; nobody but the edge itself sees this.
select s.secret_sha256, t.state, t.updated_at, t.expires_at, t.node_id, n.secret_sha256 as holder
from read.join_tokens t
join read.join_token_secrets s on s.tenant_id = t.tenant_id and s.token_id = t.token_id
left join read.node_secrets n on n.tenant_id = t.tenant_id and n.node_id = t.node_id
where t.tenant_id = $1 and t.token_id = $2;
