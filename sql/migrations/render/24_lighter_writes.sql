-- Less to write for each part: leases know the places of their segments, updates stay in their page, and indexes that nothing reads are gone.

set role render_owner;
alter table render.render_parts add column places jsonb not null default '[]';
alter table render.render_parts alter column places drop default;
-- A segment is written three times: planned, given out, done. With room in its page its later versions need no new entries in the index.
alter table render.segments set (fillfactor = 50);
reset role;

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('set role %I', domain || '_owner');
    -- The log refuses an event that it has, and the inbox a command that was decided.
    execute format('alter table %I.outbox drop constraint outbox_event_id_key', domain);
    -- Rows come in the order of this column, and only their removal after 30 days asks for it.
    execute format('drop index %I.inbox_decided', domain);
    execute format('create index inbox_decided on %I.inbox using brin (decided_at)', domain);
    reset role;
  end loop;
end $$;
