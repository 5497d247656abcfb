"""Makes what `tests/e2e/test_upgrade.py` keeps of a release: `python -m tests.upgrade.make tests/data/YEAR-MONTH-DAY`.

It writes folder.tar.xz, facts.json and template.json.
To be run with the code of the commit that is to be kept; what is there already is never made anew.
"""

import asyncio
import json
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from adapters.nats import Connection, api, connect
from adapters.settings import Settings
from contracts.node import PROTOCOL
from tests.e2e.support_http import Http
from tests.upgrade.packing import pack
from tests.upgrade.release import Release
from tests.upgrade.work import Listener, Work

SOON = 40.0  # seconds in which each step must have come so far
PREFIX = """
    select count(*), max(position), md5(string_agg(position || ' ' || event_id || ' ' || hash, ',' order by position)) from log.events
"""


async def make(target: Path) -> None:
    """Work, hold, promise, kill, pack."""
    with tempfile.TemporaryDirectory(prefix="flatrender-upgrade-") as temporary:
        async with Release(Path(temporary) / "data") as release:
            facts = await promised(release)
        target.mkdir(parents=True)
        (target / "template.json").write_text(facts.pop("template"), encoding="utf-8")
        pack(release.data, target / "folder.tar.xz", facts.pop("wal"))
        (target / "facts.json").write_text(json.dumps(msgspec.to_builtins(facts), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


async def promised(release: Release) -> dict[str, Any]:
    """All that happens before the end; what was promised."""
    said = release.facts
    conn = await asyncpg.connect(said["pg_dsn"])
    await conn.execute("set app.tenants = '*'")
    nc = await connect(_login(said["nats_url"]), "upgrade", within=10)
    async with Http(said["url"], said["api_key"]) as http:
        work = Work(http)
        feed = Listener(said["url"], said["api_key"], "0")
        listening = asyncio.create_task(feed.run())
        await work.finish_a_film()
        noted = feed.heard[-1][0]
        await work.make_keys()
        await work.let_a_node_in()
        await work.refuse_something()
        await work.send_half()
        await work.begin_films()
        await conn.execute("checkpoint")  # so that little of the write-ahead log is needed, and kept
        await _leave_an_effect_due(release, work, conn)
        await _until(lambda: _waiting_reports(nc), "a report that nobody reads")
        await work.ask_for_more()
        log = await _until(lambda: _settled_log(conn), "the log to take what was decided")
        await asyncio.sleep(0.5)  # the listener hears the last events
        facts = work.facts | {
            "made": datetime.now(UTC),
            "protocol": PROTOCOL,
            "template": work.template.decode(),
            "machine": platform.machine(),
            "first key": said["api_key"],
            "noted": noted,
            "heard": feed.heard,
            "promises": work.promises,
            "log": dict(zip(("events", "head", "md5"), log, strict=True)),
            "builds": dict(await conn.fetchrow("select engine_build, encoder_build from render.render_nodes limit 1")),
            "reports": await _reports(nc),
            "counts": await _counts(conn),
            "wal": await conn.fetchval("select pg_walfile_name(pg_current_wal_lsn())"),
        }
        release.hold("nats")
        await _until(lambda: _spooled(release.data), "a report that the broker does not take")
        release.kill()
        facts["spooled"] = await _spooled(release.data)  # with what came in the last moment
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    conn.terminate()
    return facts


async def _leave_an_effect_due(release: Release, work: Work, conn: asyncpg.Connection) -> None:
    """The store does not answer, so an upload is announced and not opened; then nobody decides any more."""
    release.hold("s3")
    answer = await work.ask("upload not opened", "POST", "/v1/uploads", {"name": "not opened", "bytes": 1000})
    work.facts["not opened"] = answer["upload_id"]
    release.hold("consumers")
    assert await conn.fetchval("select count(*) from file_mgr.effects") > 0, "the effect is due"
    release.go_on("s3")


async def _waiting_reports(nc: Connection) -> int:
    info = await api(nc, "CONSUMER.INFO.REPORTS.render")
    waiting = int(info["num_pending"] + info["num_ack_pending"])  # what was asked for before the end counts as delivered
    return waiting if waiting >= 2 else 0


async def _settled_log(conn: asyncpg.Connection) -> Any:
    domains = ("identity", "content", "studio", "render", "file_mgr", "notification")
    outboxes = sum([await conn.fetchval(f"select count(*) from {domain}.outbox") for domain in domains])
    return None if outboxes else tuple(await conn.fetchrow(PREFIX))


async def _reports(nc: Connection) -> list[dict[str, Any]]:
    """The results that wait in the stream, as a node said them."""
    info = await api(nc, "CONSUMER.INFO.REPORTS.render")
    last = (await api(nc, "STREAM.INFO.REPORTS"))["state"]["last_seq"]
    js = nc.jetstream()
    found = [await js.get_msg("REPORTS", sequence) for sequence in range(info["ack_floor"]["stream_seq"] + 1, last + 1)]
    return [json.loads(msg.data) | {"type": msg.headers["ce-type"]} for msg in found if msg.data]


async def _spooled(data: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted(data.glob("node-*/spool/*.json")):
        stored = json.loads(path.read_bytes())
        if "segment" in stored["headers"]["ce-type"]:
            found.append(stored["body"] | {"type": stored["headers"]["ce-type"]})
    return found


async def _counts(conn: asyncpg.Connection) -> dict[str, int]:
    tables = [f"{domain}.{table}" for domain in ("file_mgr", "render") for table in ("timers", "effects")]
    return {table: await conn.fetchval(f"select count(*) from {table}") for table in tables}


async def _until(look: Any, what: str) -> Any:
    try:
        async with asyncio.timeout(SOON):
            while not (found := await look()):
                await asyncio.sleep(0.05)
            return found
    except TimeoutError:
        raise SystemExit(f"{what} did not come within {SOON:.0f} s; run this again") from None


def _login(url: str) -> Settings:
    user, _, rest = url.removeprefix("nats://").partition(":")
    password, _, place = rest.partition("@")
    return Settings.model_validate({"nats_url": f"nats://{place}", "nats_user": user, "nats_password": password})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(make(Path(sys.argv[1])))
