-- Leaders: one row for each domain that is raised whenever a process takes its lock, so that what an earlier leader sends late finds no row.

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('set role %I', domain || '_owner');
    execute format('create table %I.leader (one boolean primary key constraint leader_one check (one), lease bigint not null)', domain);
    execute format('insert into %I.leader (one, lease) values (true, 1)', domain);
    execute format('revoke insert on %1$I.leader from %2$I', domain, domain || '_app');
    execute 'reset role';
    perform platform.guard(format('%I.leader', domain)::regclass, 'work', 'the lease of the process that leads this domain, raised with every taking of its lock');
  end loop;
end $$;
