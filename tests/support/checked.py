"""A sample history over all domains with its window EVENTS and a store: what the standing check compares, to put faults into."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.nats import Connection, StreamError, api, connect
from adapters.object_store import ObjectStore
from adapters.settings import Settings
from consumers.log.sequencer import keep_published
from consumers.log.window import Window
from contracts.catalogue import EVENTS
from deploy.check.bounds import Bounds
from deploy.check.differences import Report
from deploy.check.fast import Place, check, place
from deploy.check.progress import forget
from deploy.local.servers import Servers
from tests.support.databases import migrated
from tests.support.in_process import InProcessDomains
from tests.support.logs import parts_of
from tests.support.password import PASSWORD
from tests.support.sample_history import SampleHistory

AT_ONCE = Bounds(apart=0.05)  # two looks without the wait between
BUCKET = "check-tests"


class Checked:
    """`sample` is told over `in_process`; `at` is what the check's own roles reach."""

    def __init__(
        self, in_process: InProcessDomains, sample: SampleHistory, log: Connection, admin: Connection, at: Place, settings: Settings
    ) -> None:
        self.in_process, self.sample, self.at, self.settings = in_process, sample, at, settings
        self.log, self.admin = log, admin

    @property
    def db(self) -> Any:
        """The superuser."""
        return self.in_process.admin

    async def sequence(self) -> int:
        """Move all outboxes into the log, and the log into EVENTS."""
        await self.in_process.react()  # what copies learn is learned before
        last = await self.in_process.sequence()
        window = Window(self.in_process._log, asyncio.Lock(), self.log)
        await window.align()
        await self.in_process._log.execute(keep_published(window.position, window.epoch))
        for name in self.in_process.domains:
            await self.db.execute(f"update {name}.cursors set position = $1", last)
        return last

    async def check(self, **bounds: Any) -> Report:
        """One run of the fast form."""
        return await check(self.at, bounds=msgspec.structs.replace(AT_ONCE, **bounds))

    async def found(self, **bounds: Any) -> dict[str, list[str]]:
        """What it finds: the places, by the comparison's name."""
        told: dict[str, list[str]] = {}
        for one in (await self.check(**bounds)).differences:
            told.setdefault(one.name, []).append(f"{one.place}: {one.expected}: {one.found}")
        return told

    async def anew(self) -> None:
        """Let the next run begin at the first position."""
        await forget(self.at.conn)

    async def begin_at(self, position: int) -> None:
        """Let the next run begin behind this position."""
        await self.anew()
        hash = await self.db.fetchval("select hash from log.events where position = $1", position)
        await self.db.execute("update checks.state set position = $1, hash = $2, decided_at = now()", position, hash)

    async def remake(self) -> None:
        """Have EVENTS hold what the log says, and nothing else."""
        with suppress(StreamError):
            await api(self.admin, f"STREAM.DELETE.{EVENTS}")
        await self.sequence()


def _settings(servers: Servers, dsn: str, user: str, password: str) -> Any:
    return SimpleNamespace(nats_url=servers.nats_url, nats_user=user, nats_password=password)


@asynccontextmanager
async def checked(servers: Servers, parts: int = 0) -> AsyncIterator[Checked]:
    """A sample history, sequenced and published; everything agrees. With `parts`, the log begins with two partitions of so many events."""
    async with migrated(servers.pg_admin_dsn) as dsn, InProcessDomains(dsn) as in_process:
        log = await connect(_settings(servers, dsn, "log", PASSWORD), "test log", within=10)
        admin = await connect(_settings(servers, dsn, "admin_log", servers.secrets.get("nats.admin_log")), "test admin", within=10)
        url = urlsplit(dsn)
        settings = Settings.model_validate(
            {
                "nats_url": servers.nats_url,
                "nats_user": "check",
                "nats_password": PASSWORD,
                "pg_dsn": f"postgresql://{url.hostname}:{url.port}{url.path}",
                "pg_password": PASSWORD,
                "s3_url": servers.s3_url,
                "s3_bucket": BUCKET,
                "s3_access_key": servers.s3_access_key,
                "s3_secret_key": servers.s3_secret_key,
            }
        )
        async with ObjectStore(servers.s3_url, BUCKET, servers.s3_access_key, servers.s3_secret_key) as store:
            await store.ensure_bucket()
        if parts:
            await parts_of(in_process.admin, parts, 2)
        sample = SampleHistory(in_process, tenants=2, jobs=2, seconds=4.0)
        async with place(settings) as at:
            installation = Checked(in_process, sample, log, admin, at, settings)
            await sample.tell()
            await installation.remake()
            try:
                yield installation
            finally:
                await log.close()
                await admin.close()
