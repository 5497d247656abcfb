"""Run by `test_seventh_domain.py` in a tree that has one domain more: starts that product, has the domain work, tells what became of it.

python -P tests/e2e/seventh.py FOLDER    with the tree in PYTHONPATH
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import msgspec

from adapters.nats import connect
from api_edge.handlers.masks import shown_answer
from contracts import catalogue
from contracts.envelope import first
from contracts.feedback.notes import LeaveNote
from contracts.message import DEFAULT_TENANT
from deploy.bootstrap import asking
from deploy.check.bounds import Bounds
from deploy.check.fast import check, place
from deploy.drafts import entities
from deploy.drift import drift_of
from deploy.local.stack import CHECK, Stack
from deploy.replay import verify

SOON = 30.0  # seconds
HEARD = ("feedback.note.left", "feedback.note.filed", "feedback.note.closed")
SAYS = LeaveNote(text="the music is too loud", closes_after=1.0)
ROW = "select text, author, ticket, state, version from feedback.notes where note_id = $1"
EVENTS = "select type from log.events where type like 'evt.feedback.%' order by position"
LEFT = "select (select count(*) from feedback.timers) + (select count(*) from feedback.effects where state <> 'done' or owing)"
SHOWN = "select domain, type, state from read.operations where domain = 'feedback' and type like '%feedback.note.leave%' order by state"


async def main(folder: Path) -> dict[str, Any]:
    """What became of a note, and whether all agrees afterwards."""
    async with Stack(folder, nodes=0) as stack, aiohttp.ClientSession(headers={"Authorization": f"Bearer {stack.api_key}"}) as http:
        conn = await asyncpg.connect(stack.servers.pg_admin_dsn)
        await conn.execute("set app.tenants = '*'")
        try:
            async with asyncio.timeout(SOON), http.get(f"{stack.url}/v1/events?types={','.join(HEARD)}") as feed:
                note, refused = await _ask(stack)
                told = await _heard(feed)
            found: dict[str, Any] = {"refused": refused, "told": told, "note": dict(await conn.fetchrow(ROW, note))}
            found["events"] = [row["type"] for row in await conn.fetch(EVENTS)]
            found["operations"] = [list(row) for row in await conn.fetch(SHOWN)]
            async with asyncio.timeout(SOON):  # what is done is reported first, and its row ends then
                while await conn.fetchval(LEFT):
                    await asyncio.sleep(0.02)
            found["drift"] = [text for one in entities() if one.domain == "feedback" for text in (await drift_of(conn, one)).statements]
        finally:
            await conn.close()
        async with place(stack.settings(CHECK)) as at:
            found["differences"] = [str(one) for one in (await check(at, bounds=Bounds(young=0.0))).differences]
        report = await verify(stack.servers.pg_admin_dsn)
        rows = {table.table: table.live_rows for table in report.tables if table.table.startswith("feedback.")}
        return found | {"equal": report.equal, "rows": rows, "users": catalogue.users_of("feedback")}


async def _ask(stack: Stack) -> tuple[str, str]:
    """Have two commands decided, as the edge does: what is said, and what says nothing; answers what clients are told of each."""
    nc = await connect(stack.settings("edge"), "seventh", within=10)
    try:
        async with asking(nc) as asker:
            said = await asker.ask(SAYS, first(SAYS, tenant=DEFAULT_TENANT, actor="key:test"))
            empty = LeaveNote(text=" ")
            refused = await asker.ask(empty, first(empty, tenant=DEFAULT_TENANT, actor="key:test"))
            assert said.state == "done", said
            return msgspec.json.decode(shown_answer(LeaveNote)(said.body))["note_id"], refused.problem.code if refused.problem else ""
    finally:
        await nc.close()


async def _heard(feed: aiohttp.ClientResponse) -> dict[str, Any]:
    """What the tenant's feed tells, by its type, once all has come."""
    told: dict[str, Any] = {}
    async for line in feed.content:
        if line.startswith(b"data: "):
            event = json.loads(line.removeprefix(b"data: "))
            told[event["type"]] = event["data"]
            if set(HEARD) <= told.keys():
                return told
    raise AssertionError("the feed ended")


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(Path(sys.argv[1]))), default=str))
