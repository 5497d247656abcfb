-- Views that no statement reads go.

set role read_owner;
drop view if exists read.segments;
drop view if exists read.elements;
reset role;
