-- name: nodes
-- The farm's nodes by name; they belong to the platform tenant, whoever asks ($1 is only checked to be somebody).
select node_id, name, state, service,
       case when $1::uuid = '00000000-0000-0000-0000-000000000001' then service_reason else '' end as service_reason,
       case when service = 'set_aside' then service_until end as service_until,
       slots, engine_build, encoder_build, platform, release, capabilities, version, created_at, updated_at
from read.nodes
where $1::uuid is not null and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff'
  and (name, node_id) > ($2::text, $3::uuid)
order by name, node_id
limit $4;

-- name: node_by_id
-- One node, whoever asks.
select node_id, name, state, service,
       case when $1::uuid = '00000000-0000-0000-0000-000000000001' then service_reason else '' end as service_reason,
       case when service = 'set_aside' then service_until end as service_until,
       slots, engine_build, encoder_build, platform, release, capabilities, version, created_at, updated_at
from read.nodes
where $1::uuid is not null and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and node_id = $2;

-- name: node_health
-- How one node fared, newest first.
select node_id, at, cpu, memory, disk_free, load, parts
from read.node_health
where $1::uuid is not null and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and node_id = $2 and at < $3::timestamptz
order by at desc
limit $4;

-- name: node_crashes
-- What died on nodes, newest first, of all or of one node, of all kinds or of one.
select c.crash_id, c.node_id,
       coalesce((select n.name from (select node_id, name from read.nodes
                            where tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and node_id >= c.node_id order by node_id limit 1) n
                 where n.node_id = c.node_id), '') as node_name, c.kind, c.part_id, c.subject_id, c.template, c.signal, c.exit_code, c.last_frame, c.log_tail,
       c.version, c.created_at, c.updated_at
from (
  (select * from read.node_crashes
   where $1::uuid is not null and $2::uuid is null and $3::text is null
     and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and (created_at, crash_id) < ($4::timestamptz, $5::uuid)
   order by created_at desc, crash_id desc limit $6)
  union all
  (select * from read.node_crashes
   where node_id = $2 and $3::text is null
     and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and (created_at, crash_id) < ($4::timestamptz, $5::uuid)
   order by created_at desc, crash_id desc limit $6)
  union all
  (select * from read.node_crashes
   where kind = $3 and $2::uuid is null
     and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and (created_at, crash_id) < ($4::timestamptz, $5::uuid)
   order by created_at desc, crash_id desc limit $6)
  union all
  (select * from read.node_crashes
   where node_id = $2 and kind = $3
     and tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and (created_at, crash_id) < ($4::timestamptz, $5::uuid)
   order by created_at desc, crash_id desc limit $6)) c
order by c.created_at desc, c.crash_id desc
limit $6;
