"""Logs that earlier releases wrote, replayed by this one (I5): kept as they were, never made anew."""

import gzip
import json
from pathlib import Path

import asyncpg
import pytest

from consumers.runtime.replay import hashes
from contracts.message import masked, named
from contracts.visibility import Visibility, markers
from deploy.domains import all_domains
from deploy.local.servers import Servers
from deploy.replay import chain_breaks, replay_into, scratch_database, snapshot
from tests.store.test_replay import at_hand
from tests.support.databases import migrated

EVENT_TABLES = [table for domain in all_domains() for table in domain.tables]
LOGS = sorted((Path(__file__).parent / "logs").glob("*.jsonl.gz"))


async def load(dsn: str, path: Path) -> int:
    """Put a kept log into a new database; answers its events."""
    conn = await asyncpg.connect(dsn)
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    await conn.execute("insert into log.events select * from json_populate_recordset(null::log.events, $1::json)", json.dumps(rows))
    await conn.close()
    return len(rows)


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
async def test_the_log_of_an_earlier_release_is_whole_and_fills_every_table_it_filled_then(servers: Servers, path: Path) -> None:
    async with migrated(servers.pg_admin_dsn) as dsn:
        count = await load(dsn, path)
        async with snapshot(dsn) as (live, _), scratch_database(dsn, EVENT_TABLES) as scratch:
            assert await chain_breaks(live, None) == []
            counts, problems = await replay_into(at_hand(scratch), live, all_domains())
            assert not problems and counts.events == count
            filled = {table.name: rows for table, (rows, _) in (await hashes(scratch, EVENT_TABLES)).items()}
    then = json.loads(path.with_name(path.name.removesuffix(".jsonl.gz") + ".tables.json").read_text())
    assert {name: filled[name] for name in then} == then


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
def test_what_is_told_of_an_event_of_an_earlier_release_is_as_it_was_written(path: Path) -> None:
    for row in map(json.loads, gzip.decompress(path.read_bytes()).splitlines()):
        entry = named(row["type"])
        assert entry is not None
        body, told = (json.loads(text, parse_float=str) for text in (row["body"], masked(row["type"])(row["body"])))
        seen = markers(entry.cls)
        assert told.keys() == {name for name in body if seen.get(name) is Visibility.PUBLIC}
        assert [name for name, value in told.items() if not isinstance(value, dict | list) and value != body[name]] == []
