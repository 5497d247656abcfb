-- name: node_identities
-- Who these nodes are to the broker.
select node_id, secret_sha256, state from render.node_identities where tenant_id = $1 and node_id = any ($2::uuid[]);

-- name: revoked_nodes
-- Which of these nodes were revoked.
select node_id from render.node_identities where tenant_id = $1 and node_id = any ($2::uuid[]) and state = 'revoked';
