-- Reactions: each has a cursor of its own, which knows where it began and how much of the past has to be learned before commands are taken.

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('set role %I', domain || '_owner');
    -- since: a fold's copy holds what its events behind this position say; up to there it is of an earlier release's own events.
    -- goal: until a fold has come so far, its domain takes no commands; null: it was made from an earlier release's cursor and has not begun.
    -- learns: it is a fold's, for ever: what that has learned hangs on since and position.
    execute format('alter table %I.cursors add column since bigint not null default 0, add column goal bigint default 0,
      add column learns boolean not null default false', domain);
    reset role;
    perform platform.guard(format('%I.cursors', domain)::regclass, 'work', 'up to which log position each reaction of this domain has come');
  end loop;
end $$;

-- The reactions that the release before had, all under one cursor, go on from where that stands.
insert into content.cursors (name, position, since, goal)
  select 'reaction.' || r.name, position, position, r.goal from content.cursors c, (values ('bundles', null), ('waiting_projects', 0)) r(name, goal) where c.name = 'events';
insert into studio.cursors (name, position, since, goal)
  select 'reaction.' || r.name, position, position, null from studio.cursors c, (values ('scenes'), ('templates'), ('files')) r(name) where c.name = 'events';
insert into render.cursors (name, position, since, goal)
  select 'reaction.' || r.name, position, position, r.goal from render.cursors c, (values ('shares', null), ('jobs', 0), ('snapshots', 0), ('inspections', 0)) r(name, goal)
  where c.name = 'events';
insert into file_mgr.cursors (name, position, since, goal)
  select 'reaction.judgements', position, position, 0 from file_mgr.cursors where name = 'events';
insert into notification.cursors (name, position, since, goal)
  select 'reaction.renders', position, position, 0 from notification.cursors where name = 'events';

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('delete from %I.cursors where name = ''events''', domain);
    execute format('update %I.cursors set learns = true where goal is null', domain);
  end loop;
end $$;
