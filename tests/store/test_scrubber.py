"""The scrubber on a real PostgreSQL and object store: what it finds, where it goes on, and that it works only where the domain is led."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest_asyncio

from adapters.object_store import ObjectStore
from consumers.render import scrubber as scrubbing
from consumers.render.scrubber import Scrubber
from consumers.runtime.leading import Leading
from contracts.envelope import Envelope
from contracts.message import Command
from contracts.render.repairs import ReportRot, RequestRepair
from contracts.render.snapshots import ReportSpoilt
from deploy.local.servers import Servers
from producers.publisher import PublishFailed
from tests.support.databases import migrated
from tests.support.leading import leads
from tests.support.password import PASSWORD

SEGMENT = """
    insert into render.segments (tenant_id, segment_key, version, created_at, updated_at, state, frames, epoch, attempts, object_key,
      sha256, bytes, difference, seconds, degraded, avoid, seam_before, seam_last, warnings)
    values ($1, $2, 1, now(), now(), $3, 10, 1, 0, $4, $5, 10, 0, 0, false, '[]', '', '', '[]')
"""

EXPORT = """
    insert into render.exports (tenant_id, job_id, version, created_at, updated_at, object_key, sha256, bytes, frames, duration,
      packets_sha256, degraded)
    values ($1, $2, 1, now(), now(), $3, $4, 10, 1, 1, '', false)
"""
SNAPSHOT = """
    insert into render.snapshots (tenant_id, snapshot_id, version, created_at, updated_at, cache_key, spec, frame, state, attempts,
      object_key, sha256, bytes, degraded, code, detail, field, warnings)
    values ($1, $2, 1, now(), now(), '', '{}', 0, 'done', 1, $3, $4, 10, false, '', '', '', '[]')
"""
VERIFIED = hashlib.sha256(b"verified").hexdigest()


class Shelf:
    """Stored segments, and what the scrubber says of them."""

    def __init__(self, admin: asyncpg.Connection, pool: asyncpg.Pool, store: ObjectStore, leading: Leading) -> None:
        self.admin, self.pool, self.store, self.leading = admin, pool, store, leading
        self.tenants = sorted(uuid4() for _ in range(2))
        self.told: list[tuple[UUID, str, str]] = []
        self.of_others: list[Command] = []  # what is said of exports and snapshots

    async def keep(self, tenant: UUID, key: str, stored: bytes | None, *, state: str = "done") -> None:
        """A segment that was verified as b"verified", with these bytes where it should lie."""
        place = f"{tenant}/{key}"
        if stored is not None:
            await self.store.put(place, stored)
        await self.admin.execute(SEGMENT, tenant, key, state, place, VERIFIED)

    async def keep_other(self, statement: str, stored: bytes | None) -> UUID:
        """An export or a snapshot that was verified as b"verified"; its id."""
        id = uuid4()
        if stored is not None:
            await self.store.put(f"other/{id}", stored)
        async with self.admin.transaction():
            await self.admin.execute("set local session_replication_role = replica")  # an export's job is not looked for
            await self.admin.execute(statement, self.tenants[0], id, f"other/{id}", VERIFIED)
        return id

    async def publish(self, command: Command, envelope: Envelope) -> None:
        if not isinstance(command, ReportRot):
            self.of_others.append(command)
            return
        self.told.append((envelope.tenant, command.key, command.found_sha256))

    async def scrub(self, looks: int, **settings: float) -> list[tuple[str, str]]:
        """Let a scrubber run until so many segments were looked at; what it noted, in its order."""
        before = await self.admin.fetchval("select count(*) from render.object_scrubs")
        one = Scrubber(self.pool, self.store, self.publish, self.leading, **{"rate": 1e9, "every": 3600.0, **settings})
        running = asyncio.create_task(one.run())
        try:
            while await self.admin.fetchval("select count(*) from render.object_scrubs") < before + looks:
                await asyncio.sleep(0.01)
        finally:
            running.cancel()
        rows = await self.admin.fetch("select name, found from render.object_scrubs order by checked_at")
        return [(row["name"], row["found"]) for row in rows]


@pytest_asyncio.fixture(loop_scope="session")
async def shelf(servers: Servers) -> AsyncIterator[Shelf]:
    keys = servers.s3_access_key, servers.s3_secret_key
    async with (
        migrated(servers.pg_admin_dsn) as dsn,
        asyncpg.create_pool(dsn, user="render_app", password=PASSWORD, min_size=1, max_size=2) as pool,
        leads(dsn, "render") as leading,
        ObjectStore(servers.s3_url, "scrubber-tests", *keys) as store,
    ):
        await store.ensure_bucket()
        admin = await asyncpg.connect(dsn)
        yield Shelf(admin, pool, store, leading)
        await admin.close()


async def test_every_stored_segment_of_every_tenant_is_looked_at_and_only_what_is_not_as_verified_is_told(shelf: Shelf) -> None:
    one, two = shelf.tenants
    await shelf.keep(one, "a", b"verified")
    await shelf.keep(one, "b", b"rotten")
    await shelf.keep(two, "a", None)
    await shelf.keep(two, "b", None, state="ready")
    assert await shelf.scrub(3) == [("a", "whole"), ("b", "rot"), ("a", "missing")]
    assert shelf.told == [(one, "b", hashlib.sha256(b"rotten").hexdigest()), (two, "a", "")]


async def test_exports_and_snapshots_are_looked_at_behind_the_segments_and_told_of_in_their_own_way(shelf: Shelf) -> None:
    await shelf.keep(shelf.tenants[1], "a", b"verified")
    whole = [await shelf.keep_other(statement, b"verified") for statement in (EXPORT, SNAPSHOT)]
    lost, rotten = await shelf.keep_other(EXPORT, None), await shelf.keep_other(SNAPSHOT, b"rotten")
    looks = await shelf.scrub(5)
    assert looks[0] == ("a", "whole")
    assert set(looks[1:3]) == {(str(whole[0]), "whole"), (str(lost), "missing")}
    assert set(looks[3:]) == {(str(whole[1]), "whole"), (str(rotten), "rot")}
    export, snapshot = shelf.of_others
    assert export == RequestRepair(job_id=lost, export=True, reason="its file is missing")
    assert isinstance(snapshot, ReportSpoilt) and snapshot.snapshot_id == rotten and snapshot.object_key == f"other/{rotten}"


async def test_a_new_process_goes_on_where_the_last_one_was(shelf: Shelf) -> None:
    tenant = shelf.tenants[0]
    for key in "abcd":
        await shelf.keep(tenant, key, b"verified")
    await shelf.admin.execute(
        "insert into render.object_scrubs (tenant_id, kind, name, checked_at, object_key, found)"
        " values ($1, 'segment', 'b', now(), 'x', 'whole')",
        tenant,
    )
    assert [key for key, _ in await shelf.scrub(2)] == ["b", "c", "d"]


async def test_a_process_that_does_not_lead_the_domain_looks_at_nothing(shelf: Shelf) -> None:
    await shelf.keep(shelf.tenants[0], "a", b"rotten")
    shelf.leading.active.clear()
    waiting = asyncio.create_task(shelf.scrub(1))
    for _ in range(20):
        await asyncio.sleep(0.01)
    assert shelf.told == [] and not waiting.done()
    shelf.leading.active.set()
    await waiting
    assert len(shelf.told) == 1


async def test_a_store_that_is_away_is_asked_again(shelf: Shelf, monkeypatch) -> None:
    monkeypatch.setattr(scrubbing, "AGAIN", 0.05)
    await shelf.keep(shelf.tenants[0], "a", b"rotten")
    here, away = shelf.store, ObjectStore("http://127.0.0.1:1", "tests", "a", "b")
    async with away:
        shelf.store = away
        waiting = asyncio.create_task(shelf.scrub(1))
        await asyncio.sleep(0.2)
        assert shelf.told == []
    waiting.cancel()
    await asyncio.wait({waiting})  # its query has left the connection that the next one uses
    shelf.store = here
    assert await shelf.scrub(1) == [("a", "rot")]


async def test_a_broker_that_is_away_ends_no_scrubber(shelf: Shelf, monkeypatch) -> None:
    monkeypatch.setattr(scrubbing, "AGAIN", 0.05)
    await shelf.keep(shelf.tenants[0], "a", b"rotten")
    publish, asked = shelf.publish, 0

    async def away_once(command: Command, envelope: Envelope) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise PublishFailed("the broker is away")
        await publish(command, envelope)

    monkeypatch.setattr(shelf, "publish", away_once)
    async with asyncio.timeout(20):
        assert await shelf.scrub(1) == [("a", "rot")]
    assert asked == 2
