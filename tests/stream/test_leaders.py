"""Two processes of a domain and of the log on the real servers, of which the leading one freezes or is cut off, idle and at work."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest

from adapters.nats import Connection
from adapters.object_store import ObjectStore
from adapters.settings import Settings
from consumers.log import verify_chain
from contracts.envelope import first
from contracts.file_mgr.uploads import StartUpload
from deploy.domains import all_domains
from deploy.local.process import Process, Program
from deploy.local.servers import Servers
from deploy.local.stack import environment
from deploy.replay import verify
from producers.publisher import Publisher
from tests.chaos.wires import Wire
from tests.stream.support import Login
from tests.stream.test_sequencer import in_stream, numbered
from tests.support.databases import migrated
from tests.support.password import PASSWORD

WORK = "file_mgr", "log"
ROUNDS = ("frozen while idle", "frozen at work", "cut off at work", "frozen at work")
MANY, FEW = 400, 20  # commands before a fault, and after a takeover


class Member:
    """One process that runs the domain and the log, whose way to PostgreSQL can be cut."""

    def __init__(self, name: str, wire: Wire, process: Process) -> None:
        self.name, self.wire, self._process = name, wire, process

    def leads(self, since: int) -> bool:
        """Whether it has said, since a length of its log, that it leads both."""
        said = self._process.log.read_text()[since:] if self._process.log.exists() else ""
        return "file_mgr: active" in said and "the sequencer is active" in said

    def said(self) -> int:
        """The length of its log."""
        return len(self._process.log.read_text()) if self._process.log.exists() else 0

    def fail(self, how: str) -> None:
        """Let it freeze, or cut it off."""
        if how.startswith("frozen"):
            self._send(signal.SIGSTOP)
        else:
            self.wire.cut("", "silent")

    def recover(self, how: str) -> None:
        """Let it go on."""
        if how.startswith("frozen"):
            self._send(signal.SIGCONT)
        else:
            self.wire.heal("")

    def _send(self, what: signal.Signals) -> None:
        assert self._process.pid
        os.kill(self._process.pid, what)


@asynccontextmanager
async def member(name: str, servers: Servers, dsn: str, folder: Path) -> AsyncIterator[Member]:
    """A running process."""
    parts = urlsplit(dsn)
    async with Wire(lambda: parts.port or 0) as wire:
        settings = Settings(
            nats_url=servers.nats_url,
            nats_password=PASSWORD,  # type: ignore[arg-type]
            pg_dsn=f"postgresql://127.0.0.1:{wire.port}{parts.path}",
            pg_password=PASSWORD,  # type: ignore[arg-type]
            s3_url=servers.s3_url,
            s3_access_key=servers.s3_access_key,
            s3_secret_key=servers.s3_secret_key,  # type: ignore[arg-type]
        )
        process = Process(Program(name, [sys.executable, "-m", "deploy", "consume", *WORK], environment(settings)), folder / f"{name}.log")
        process.start()
        try:
            yield Member(name, wire, process)
        finally:
            await process.kill()


async def until(what: str, db: asyncpg.Connection, number: int) -> None:
    """Wait until a question's answer is that number."""
    while (found := await db.fetchval(what)) < number:
        await asyncio.sleep(0.02)
    assert found == number


@pytest.mark.timeout(300)
async def test_of_two_processes_the_other_takes_over_domain_and_log_from_one_that_froze_or_was_cut_off_and_nothing_is_doubled(
    servers: Servers, log_admin: Connection, login: Login, tmp_path: Path
) -> None:
    tenant, sent = uuid4(), 0
    publisher = Publisher(await login("edge"))

    async def send(count: int) -> None:
        nonlocal sent
        sent += count
        uploads = [StartUpload(name="a file", bytes=10) for _ in range(count)]
        await asyncio.gather(*(publisher.publish(one, first(one, tenant=tenant, actor="key:test")) for one in uploads))

    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(migrated(servers.pg_admin_dsn))
        db = await asyncpg.connect(dsn)
        stack.push_async_callback(db.close)
        async with ObjectStore(servers.s3_url, "flatrender", servers.s3_access_key, servers.s3_secret_key) as store:
            await store.ensure_bucket()
        leader = await stack.enter_async_context(member("one", servers, dsn, tmp_path))
        while not leader.leads(0):
            await asyncio.sleep(0.02)
        standby = await stack.enter_async_context(member("other", servers, dsn, tmp_path))
        opened = "select count(*) from log.events where type = 'evt.file_mgr.upload.opened.v1'"
        for how in ROUNDS:
            await send(FEW)
            if how.endswith("idle"):
                await until(opened, db, sent)
            else:
                await send(MANY)
            since, began = standby.said(), time.monotonic()
            leader.fail(how)
            while not standby.leads(since):
                await asyncio.sleep(0.02)
            print(f"\n{leader.name}, {how}: {standby.name} leads domain and log after {time.monotonic() - began:.1f} s")
            await send(FEW)
            await until(opened, db, sent)
            leader.recover(how)
            leader, standby = standby, leader
        await send(FEW)
        await until(opened, db, sent)
        await until("select count(*) from file_mgr.upload_sessions where state = 'open'", db, sent)
        # Each upload was announced once and opened once, although its effect may have been done by two.
        kinds = await db.fetch(
            "select type, count(*) as count, count(distinct event_id) as different from log.events group by 1 order by 1"
        )
        assert [tuple(row) for row in kinds] == [(f"evt.file_mgr.upload.{what}.v1", sent, sent) for what in ("opened", "started")]
        assert await verify_chain(db) is None
        ids: list[UUID] = [row["event_id"] for row in await db.fetch("select event_id from log.events order by position")]
        while len(found := await in_stream(log_admin)) < len(ids):
            await asyncio.sleep(0.05)
        assert found == numbered(ids)
        report = await verify(dsn, all_domains())
        assert report.equal, report.problems
