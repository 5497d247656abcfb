-- name: parts_of_render
-- The parts of one render with the names of their nodes, newest first.
select p.part_id, p.kind, p.node_id,
       coalesce((select n.name from (select node_id, name from read.nodes
                            where tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and node_id >= p.node_id order by node_id limit 1) n
                 where n.node_id = p.node_id), '') as node_name, p.epoch, p.first, p.count, p.state, p.detail, p.version, p.created_at, p.updated_at
from read.render_parts p
where p.tenant_id = $1 and p.subject_id = $2 and (p.created_at, p.part_id) < ($3::timestamptz, $4::uuid)
order by p.created_at desc, p.part_id desc
limit $5;
