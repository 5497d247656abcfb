-- name: keep_health
-- How nodes fare, a row each.
insert into render.node_health_logs (tenant_id, node_id, at, cpu, memory, disk_free, load, parts)
select $1::uuid, * from unnest($2::uuid[], $3::timestamptz[], $4::float8[], $5::int8[], $6::int8[], $7::float8[], $8::int4[])
where exists (select from render.leader where lease = $9)
on conflict do nothing;
