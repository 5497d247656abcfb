-- name: last_scrubbed
-- Where the scrubber was.
select kind, tenant_id, name from render.object_scrubs order by checked_at desc limit 1;

-- name: keep_scrub
-- A stored object was looked at: by the leader with this lease, or, without one, by a person.
insert into render.object_scrubs (tenant_id, kind, name, checked_at, object_key, found)
select $1::uuid, $2::text, $3::text, now(), $4::text, $5::text from render.leader where lease = coalesce($6::bigint, lease)
on conflict (tenant_id, kind, name) do update set checked_at = excluded.checked_at, object_key = excluded.object_key, found = excluded.found;
