-- content: template categories.

set role content_owner;
create table content.categories (
  tenant_id uuid not null, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null,
  category_id uuid not null,
  name text not null constraint categories_name check (char_length(name) between 1 and 200),
  state text not null constraint categories_state check (state in ('active', 'deleted')),
  primary key (tenant_id, category_id),
  constraint categories_name_unique exclude (tenant_id with =, name with =) where (state not in ('deleted')) deferrable initially deferred);
create index categories_newest on content.categories (tenant_id, created_at desc, category_id desc) where state not in ('deleted');
reset role;
select platform.guard('content.categories', 'event', 'template categories');

set role read_owner;
create view read.categories as
  select tenant_id, version, created_at, updated_at, category_id, name, state
  from content.categories where state not in ('deleted');
grant select on read.categories to edge_ro;
reset role;
