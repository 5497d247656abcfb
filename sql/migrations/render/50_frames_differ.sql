-- render: a frame that was another picture when it was drawn a second time is recorded beside what died.

set role render_owner;

alter table render.node_crashes drop constraint node_crashes_kind;
alter table render.node_crashes add constraint node_crashes_kind check (
  kind in ('engine_crash', 'engine_hang', 'out_of_memory', 'out_of_disk', 'daemon_death', 'machine_silence', 'frames_differ'));

reset role;
