-- Timers have names, can recur and be set aside; what has ended is found by its moment.

-- Those of earlier releases keep their ids as names, and fire as they would have.
do $$
declare domain text;
begin
  perform set_config('app.tenants', '*', true);
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format($ddl$
      alter table %1$I.timers add column name text, add column set_by uuid, add column recurrence jsonb, add column again_at timestamptz,
        add column set_aside text;
      update %1$I.timers set name = id::text, set_by = id, set_aside = '';
      alter table %1$I.timers alter column name set not null, alter column set_by set not null, alter column set_aside set not null;
      alter table %1$I.timers drop constraint timers_pkey;
      alter table %1$I.timers add constraint timers_pkey primary key (tenant_id, name);
      alter table %1$I.timers drop column id;
      drop index %1$I.timers_due;
      create index timers_due on %1$I.timers (coalesce(again_at, due_at)) where set_aside = '';
      create index timers_set_aside on %1$I.timers (due_at) where set_aside <> '';
    $ddl$, domain);
    execute format('comment on column %I.timers.set_by is %L', domain, 'the event that set or moved it');
    execute format('comment on column %I.timers.recurrence is %L', domain, 'rule, zone, missed, begins; null: it becomes due once');
    execute format('comment on column %I.timers.again_at is %L', domain, 'when its command is published once more if it is still there; null: it is not published');
    execute format('comment on column %I.timers.set_aside is %L', domain, 'why it is not published any more; empty while it is');
  end loop;
end $$;

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    -- A BRIN's ranges stay wide when their rows are gone and their pages are used again. All rows of a batch have one moment, which a
    -- B-tree keeps once.
    execute format('drop index %I.inbox_decided', domain);
    execute format('create index inbox_decided on %I.inbox (decided_at) where state in (''done'', ''refused'')', domain);
    execute format('create index effects_ended on %I.effects (updated_at) where state = ''done'' and not owing', domain);
  end loop;
end $$;
