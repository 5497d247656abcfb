-- name: history
-- Events of some types behind one position up to another, in order, as far as one call reads.
select * from platform.history($1, $2, $3, $4);

-- name: archived_run
-- The archived run in which the event behind a position is read; none where it is read in the table.
select first, last, object_key, sha256 from platform.log_runs($1);

-- name: published
-- Up to where EVENTS is known to hold the log.
select published from platform.log_head;
