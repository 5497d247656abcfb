-- Inboxes and keys that do not become slower as they grow: no index on what is random lies on a command's way.

do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('set role %I', domain || '_owner');
    -- Ids are in the order of time, those of all tenants together: with the id first, all new rows lie in one place of the index. With the tenant
    -- first, each tenant has a place of its own, and after a checkpoint each is written whole once more.
    execute format('alter table %1$I.inbox drop constraint inbox_pkey, add constraint inbox_pkey primary key (id, tenant_id)', domain);
    -- What waits for a person is found without a look at what does not, that which was given another try too.
    execute format('drop index %I.inbox_quarantined', domain);
    execute format('create index inbox_quarantined on %I.inbox (decided_at) where state in (''quarantined'', ''reopened'')', domain);
    reset role;
  end loop;
end $$;

set role identity_owner;
-- Keys are found by their ids, and nothing is found by this; 128 drawn bits do not repeat. It was a random page for every key.
alter table identity.tenant_api_keys drop constraint api_keys_secret;
reset role;
