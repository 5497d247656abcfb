-- What the runtime keeps of each command beside its outcome: by which key it was asked for, and why it is in quarantine.

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('alter table %I.inbox add column key_hash text not null default '''', add column reason text not null default ''''', domain);
  end loop;
end $$;
