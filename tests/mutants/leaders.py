"""The promises about who leads (I9) as checks over a real database: another takes over, and what was left is done once."""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from consumers.runtime.batch import Batch
from consumers.runtime.connection import DATABASE_AWAY
from consumers.runtime.effects.runner import EffectRunner
from contracts.file_mgr.uploads import AbortUpload, StartUpload
from tests.mutants.checks import Broken, Wire, hold, runtime_of
from tests.support.effects import running_by
from tests.support.in_process import MOST, InProcessDomains, item_of
from tests.support.leading import app_connection, leads, pool_of, standing_by
from tests.support.password import PASSWORD

SOON = 25.0  # seconds: longer than any recovery takes on a slow machine, and shorter than a dead process's claim lasts


async def claimed(in_process: InProcessDomains, lease: int, *, within: bool = False) -> list[Any]:
    """What a process takes of file_mgr's effects that thinks it leads by this lease; `within` a transaction that has begun."""
    store = in_process.stores["file_mgr"]
    async with contextlib.nullcontext() if within else store.transaction(None):
        claim = "prompt", UUID(int=0), "", MOST, uuid4(), lease, [], 60.0, 30.0, 200
        return [row for row in await store.conn.fetch(store.q.claim_effects, *claim) if row["id"] is not None]


async def what_a_dead_process_left_is_done_at_once(in_process: InProcessDomains) -> None:
    """I9: effects that a process had claimed when it died are run by its successor without waiting for the claim to end."""
    tenant = await in_process.tenant()
    await in_process.send(StartUpload(name="a file", bytes=10), tenant)
    ran = asyncio.Event()

    async def run(effect: Any, call: Any, tools: Any) -> list[Any]:
        if call.envelope.tenant == tenant:
            ran.set()
        return []

    domain = running_by(in_process.domains["file_mgr"], run)
    async with leads(in_process.dsn, "file_mgr") as dead:
        hold(await claimed(in_process, dead.lease), "a leader could not claim what was due")
    creating = asyncpg.create_pool(in_process.dsn, user="file_mgr_app", password=PASSWORD, min_size=1, max_size=2)
    async with creating as pool, leads(in_process.dsn, "file_mgr") as leading:
        runner = EffectRunner(domain, pool, lambda command, envelope: asyncio.sleep(0), None, leading)
        running = asyncio.create_task(runner.run())
        await runner.take_over()
        try:
            await asyncio.wait_for(ran.wait(), SOON)
        except TimeoutError:
            raise Broken(f"the effect was not run within {SOON:.0f} s") from None
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def a_leader_that_froze_loses_its_lock(in_process: InProcessDomains) -> None:
    """I9: a domain whose leader froze in the middle of a transaction is led by a standby, and what it wrote does not come about."""
    standby, frozen = standing_by(in_process.dsn, "file_mgr"), await app_connection(in_process.dsn, "file_mgr")
    await frozen.execute("select pg_advisory_lock($1)", standby._key)
    await frozen.execute("begin; set local app.tenants = '*'; insert into file_mgr.cursors values ('late', 1)")
    try:
        async with asyncio.timeout(SOON), standby.lead() as line:
            await line.conn.execute("insert into file_mgr.cursors values ('late', 2)")
    except TimeoutError:
        raise Broken(f"nobody led the domain within {SOON:.0f} s") from None
    finally:
        with contextlib.suppress(*DATABASE_AWAY):
            await frozen.execute("commit")
        frozen.terminate()
    hold(
        await in_process.admin.fetchval("select position from file_mgr.cursors where name = 'late'") == 2, "the frozen leader's row stands"
    )


async def a_leader_that_was_replaced_begins_nothing(in_process: InProcessDomains) -> None:
    """I9: effects and timers that are due are not taken by a process which thinks that it leads, but does not any more."""
    tenant = await in_process.tenant()
    await in_process.send(StartUpload(name="a file", bytes=10), tenant)
    for table in ("effects", "timers"):
        await in_process.admin.execute(f"update file_mgr.{table} set due_at = now() where tenant_id = $1", tenant)
    async with leads(in_process.dsn, "file_mgr") as woken:
        await in_process.admin.execute("update file_mgr.leader set lease = lease + 1")  # what another process does that leads
        store = in_process.stores["file_mgr"]
        async with store.transaction(None):
            effects = await claimed(in_process, woken.lease, within=True)
            timers = await store.conn.fetch(store.q.due_timers, datetime.now(UTC), MOST, woken.lease)
    hold(not effects and not timers, f"it took {len(effects)} effects and {len(timers)} timers")


async def what_was_begun_under_a_lease_that_is_over_is_not_reported(in_process: InProcessDomains) -> None:
    """I9: a process that lost its domain while an effect ran, and sees that another led since, leaves the effect to it."""
    tenant, running, go_on = await in_process.tenant(), asyncio.Event(), asyncio.Event()
    item = item_of(StartUpload(name="a file", bytes=10), tenant)
    batch = Batch(in_process.domains["file_mgr"], in_process.stores["file_mgr"], [item])
    await batch.commit()
    reported: list[Any] = []

    async def run(effect: Any, call: Any, tools: Any) -> list[Any]:
        running.set()
        await go_on.wait()
        return [AbortUpload(upload_id=tenant)]

    async def publish(command: Any, envelope: Any) -> None:
        reported.append(command)

    domain = running_by(in_process.domains["file_mgr"], run)
    leading = standing_by(in_process.dsn, "file_mgr")
    runner = EffectRunner(domain, pool_of(in_process.dsn, "file_mgr"), publish, None, leading)
    work = asyncio.create_task(runner.run())
    try:
        async with leading.lead():
            leading.active.set()
            runner.start_new(batch.effects)
            await running.wait()
        async with leads(in_process.dsn, "file_mgr"):
            pass
        async with leading.lead():
            leading.active.set()
            go_on.set()
            while runner.busy:
                await asyncio.sleep(0.01)
        hold(reported == [], f"it reported {reported}")
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def a_lost_connection_is_noticed_while_idle(in_process: InProcessDomains) -> None:
    """I9: a domain whose database connection dies takes its lock again, even when no command comes."""
    made: list[asyncpg.Connection] = []

    async def connect() -> asyncpg.Connection:
        made.append(await app_connection(in_process.dsn, "identity"))
        return made[-1]

    runtime = runtime_of(in_process, "identity", Wire(), connect)
    running = asyncio.create_task(runtime.run())
    try:
        async with asyncio.timeout(SOON):
            await runtime.active.wait()
            await in_process.admin.execute("select pg_terminate_backend($1)", made[0].get_server_pid())
            while len(made) < 2 or not runtime.active.is_set():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise Broken(f"the domain was not active again within {SOON:.0f} s") from None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
