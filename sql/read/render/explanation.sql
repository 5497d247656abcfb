-- name: explain_render
-- All that says why a render is where it is: itself, its tenant's share, the farm's nodes, its parts, crashes, and the events of its request, which
-- are found by their request alone (`is true`: not by their tenant, who may have millions).
select r.job_id, r.state, r.priority, r.deadline, r.needs::text as needs, r.warnings::text as warnings, r.paused, r.code, r.detail, r.engine_build, r.encoder_build, r.segments_total,
       r.segments_done, r.created_at, r.updated_at,
       (select count(*) from read.render_parts p where p.tenant_id = $1 and p.state = 'active' and p.kind <> 'inspect') as slots_used,
       (select s.max_slots from read.tenant_shares s where s.tenant_id = $1) as max_slots,
       (select coalesce(json_agg(json_build_object('name', n.name, 'service', n.service, 'slots', n.slots,
                                                   -- An operator's own words, as in `nodes`: for the tenant that runs the installation.
                                                   'reason', case when $1::uuid = '00000000-0000-0000-0000-000000000001' then n.service_reason else '' end,
                                                   'builds', json_build_array(n.engine_build, n.encoder_build), 'capabilities', n.capabilities)
                                 order by n.name), '[]')
        from read.nodes n where n.tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and n.state = 'active')::text as nodes,
       (select coalesce(json_agg(json_build_object('part_id', p.part_id, 'kind', p.kind, 'first', p.first,
                                                   'node', coalesce((select n.name from read.nodes n where n.tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and n.node_id = p.node_id), p.node_id::text),
                                                   'count', p.count, 'epoch', p.epoch, 'state', p.state, 'detail', p.detail)
                                 order by p.created_at, p.first), '[]')
        from read.render_parts p where p.tenant_id = $1 and p.subject_id = $2)::text as parts,
       (select coalesce(json_agg(json_build_object('part_id', c.part_id, 'kind', c.kind, 'signal', c.signal,
                                                   'node', coalesce((select n.name from read.nodes n where n.tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and n.node_id = c.node_id), c.node_id::text),
                                                   'last_frame', c.last_frame, 'at', c.created_at) order by c.created_at), '[]')
        from read.node_crashes c
        where c.tenant_id = 'ffffffff-ffff-4fff-8fff-ffffffffffff' and c.subject_id = $2)::text as crashes,
       (select coalesce(json_agg(json_build_object('state', f.state, 'cause', f.cause, 'reason', f.reason, 'segments', jsonb_array_length(f.before))
                                 order by f.created_at), '[]')
        from read.frame_repairs f where f.tenant_id = $1 and f.job_id = $2 and f.is_open)::text as repairs,
       (select case f.state when 'failed' then f.code || ': ' || f.detail else '' end
        from read.frame_repairs f where f.tenant_id = $1 and f.job_id = $2 order by f.created_at desc, f.repair_id desc limit 1) as unrepaired,
       (select coalesce(json_agg(json_build_object('position', e.position, 'time', e.time, 'type', e.type, 'actor', e.actor, 'body', e.body::json)
                                 order by e.position), '[]')
        from (select * from read.log_events l where l.correlation_id = r.correlation_id and (l.tenant_id = $1) is true order by l.position desc limit 1000) e)::text as events
from read.renders r
where r.tenant_id = $1 and r.job_id = $2;
