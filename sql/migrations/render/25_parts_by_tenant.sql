-- Running parts are found by their tenant (render_parts_running); nothing asks for them by node, and every part was entered there too.

set role render_owner;
drop index render.render_parts_active;
reset role;
