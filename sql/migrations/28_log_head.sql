-- The head of the log: up to where EVENTS holds it, the epoch, and the secret that seals its messages; and what stops the log.

set role log_owner;
create table log.head (
  only_one boolean primary key constraint head_only_one check (only_one),
  -- Up to which position EVENTS has acknowledged the log; no cursor of a domain moves beyond it.
  published bigint not null constraint head_published check (published >= 0),
  -- How often the log was restored: raised by a person, never by itself.
  epoch int not null constraint head_epoch check (epoch >= 0),
  -- The highest epoch that EVENTS was seen with: a restored backup does not know of those after it.
  seen_epoch int not null,
  -- For each earlier epoch, from 0 on, up to which position its events are still this log's.
  shared bigint[] not null constraint head_shared check (cardinality(shared) = epoch),
  -- The key of the seals.
  seal text not null);
insert into log.head values (true, 0, 0, 0, '{}', encode(sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea), 'hex'));

create table log.alarms (
  name text primary key,
  detail text not null,
  remedy text not null,
  since timestamptz not null);

grant select, insert, update, delete on log.alarms to log_app;
grant select, update (published, seen_epoch) on log.head to log_app;
grant select on log.head, log.alarms to read_owner;
reset role;

select platform.guard('log.head', 'log', 'up to where EVENTS holds the log, the epoch, and the key that seals its messages');
select platform.guard('log.alarms', 'log', 'what stops the log or a domain''s outbox until a person has looked');

-- What a domain needs of it, to know its messages and to stop its cursor. A domain reaches no other schema's tables.
create view platform.log_head as select published, epoch, seal from log.head;
do $$
declare domain text;
begin
  foreach domain in array array['identity', 'content', 'studio', 'render', 'file_mgr', 'notification'] loop
    execute format('grant select on platform.log_head to %I', domain || '_app');
  end loop;
end $$;

set role read_owner;
create or replace view read.log_head as
  select coalesce((select max(position) from log.events), 0) as position, published, epoch, shared, seal from log.head;
create view read.log_alarms as select name, detail, remedy, since from log.alarms;
grant select on read.log_alarms to edge_ro;
reset role;
