-- What an operation's row keeps besides: by which key it was asked, and why it is in quarantine, which its outcome does not say.

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('set role %I', domain || '_owner');
    execute format($ddl$ alter table %I.inbox
      add column key_hash text not null default '', add column reason text not null default '' $ddl$, domain);
    reset role;
  end loop;
end $$;
