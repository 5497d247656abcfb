"""Effects: a backlog of a kind that must be done once and can be asked for, drained after its leader was killed, each done once."""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from adapters.nats import connect
from adapters.settings import Settings
from benchmarks.effects_service import OutsideService
from benchmarks.figures import Bound, Figure, figure
from benchmarks.ground import servers
from consumers.runtime.connection import until_lost
from consumers.runtime.domain import Domain
from consumers.runtime.effects.declared import Asking, Call, Done, EffectKind, Told
from consumers.runtime.effects.making import EFFECT, effect_id, kept_row
from consumers.runtime.effects.row import answer_of
from consumers.runtime.effects.runner import SLOTS, EffectRunner
from consumers.runtime.effects.statements import MOVE
from consumers.runtime.leading import Leading
from consumers.runtime.pool import Connections
from consumers.runtime.store import Store, columns
from contracts.envelope import first
from contracts.message import Command
from contracts.notification.notifications import ReadNotification
from deploy.consume import pg_connect
from deploy.local.stack import environment
from producers.publisher import Publisher

BOUNDS = (Bound("value", least=2_000.0), Bound("ratio", least=0.15))
LIMIT = "five statements, a request and a published report for each; the floor is the statements alone, one after the other"
DOMAIN, ROLE = "notification", "notification_app"  # whose schema is used: it has no effects of its own
LOCK, CONNECTIONS = 34, 4
BEFORE_THE_KILL = 0.02  # of all that is done by the leader that is killed
TENANTS = 20


class Pay(msgspec.Struct, frozen=True):
    """Something that must be done once, and can be asked for."""

    number: int


async def pay(effect: Pay, call: Call, outside: OutsideService) -> list[Command]:
    """Have the world do it."""
    await outside.say(b"do %b" % str(call.key).encode(), call)
    return [ReadNotification(notification_id=call.key)]


async def ask(effect: Pay, call: Call, outside: OutsideService) -> Told:
    """Ask the world whether it has."""
    done = await outside.say(b"of %b" % str(call.key).encode())
    return Done([ReadNotification(notification_id=call.key)]) if int(done) else "not done"


KIND = EffectKind(name="pay", payload=Pay, run=pay, nature=Asking(ask), lane="bulk", timeout=2.0)


async def measure(quick: bool) -> list[Figure]:
    """Effects per second from the takeover until none is left."""
    count = 10_000 if quick else 100_000
    async with servers() as ground, _outside() as port:
        outside = OutsideService(port)
        await outside.open()
        conn = await ground.postgres(ROLE)
        await _keep(conn, count)
        await _begun_and_killed(ground.settings(DOMAIN), port, outside, int(count * BEFORE_THE_KILL))
        left, seconds = await _drained(ground.settings(DOMAIN), outside, conn)
        done, twice = map(int, (await outside.say(b"all")).split())
        if (done, twice) != (count, 0):
            raise RuntimeError(f"of {count} effects {done} were done, {twice} of them more than once")
        await _keep(conn, floor := count // 5)
        floor_seconds = await _floor(conn)
        await conn.close()
    return [figure("effects", left / seconds, "effects/s", floor / floor_seconds, BOUNDS, LIMIT)]


@asynccontextmanager
async def _outside() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.effects_service", stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


async def _keep(conn: asyncpg.Connection, count: int) -> None:
    store, tenants = Store(conn, DOMAIN), [uuid4() for _ in range(TENANTS)]
    for begin in range(0, count, 1000):
        rows = []
        for number in range(begin, begin + 1000):
            envelope = first(ReadNotification(notification_id=uuid4()), tenant=tenants[number % TENANTS])
            rows.append(kept_row(KIND, Pay(number), envelope, effect_id(envelope.id, KIND.name)))
        async with store.transaction(None):
            await store.keep_columns(store.q.keep_effects, columns(rows, EFFECT))
    await conn.execute(f"analyze {DOMAIN}.effects")


async def lead(settings: Settings, outside: OutsideService, begun: asyncio.Event) -> None:
    """Lead the domain and carry out its effects, until cancelled."""
    nc = await connect(settings, "flatrender bench effects", within=10)
    leading = Leading.of_domain(DOMAIN, LOCK, lambda: pg_connect(settings, ROLE))
    pool = Connections(lambda role: pg_connect(settings, role), most=CONNECTIONS, each=CONNECTIONS)
    domain = Domain(name=DOMAIN, tables=(), decides={}, writes={}, effects=(KIND,))
    runner = EffectRunner(domain, pool.of(ROLE), Publisher(nc).publish, outside, leading)
    running = asyncio.create_task(runner.run())
    try:
        async with leading.lead() as line:
            begun.set()
            await runner.take_over()
            leading.active.set()
            await until_lost(line.conn)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await pool.close()
        await nc.close()


async def _begun_and_killed(settings: Settings, port: int, outside: OutsideService, count: int) -> None:
    """A process begins with the backlog, and is killed when so many are done."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.effects", str(port), env=environment(settings))
    while int((await outside.say(b"all")).split()[0]) < count:
        if process.returncode is not None:
            raise RuntimeError("the leader ended by itself")
        await asyncio.sleep(0.005)
    process.kill()
    await process.wait()


async def _drained(settings: Settings, outside: OutsideService, conn: asyncpg.Connection) -> tuple[int, float]:
    """How many were left, and the seconds until none was."""
    begun = asyncio.Event()
    left: int = await conn.fetchval(f"select count(*) from {DOMAIN}.effects")
    leading = asyncio.create_task(lead(settings, outside, begun))
    await begun.wait()
    began = time.perf_counter()
    while await conn.fetchval(f"select exists (select from {DOMAIN}.effects)"):
        if leading.done():
            leading.result()
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - began
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)
    return left, seconds


async def _floor(conn: asyncpg.Connection) -> float:
    """Seconds that the same statements take for groups of a lane's size, one after the other, with nothing done in between."""
    store, free = Store(conn, DOMAIN), SLOTS["bulk"]
    await conn.execute(f"update {DOMAIN}.leader set lease = lease + 1")
    lease, answer = await conn.fetchval(f"select lease from {DOMAIN}.leader"), answer_of([ReadNotification(notification_id=uuid4())])
    began, behind = time.perf_counter(), (UUID(int=0), "")
    while True:
        claim = uuid4()
        async with store.transaction(None):
            rows: Sequence[Any] = await conn.fetch(store.q.claim_effects, KIND.lane, *behind, free, claim, lease, [], 30.0, 4.0, 200)
        if rows[0]["id"] is None:
            return time.perf_counter() - began
        for state, ended, owing, told in (("handing", None, False, None), ("done", "done", True, answer)):
            moves = [(r["tenant_id"], r["id"], claim, state, ended, owing, told, True, 30.0, 0, 0, 0, "") for r in rows]
            async with store.transaction(None):
                await conn.fetch(store.q.move_effects, *columns(moves, MOVE), lease)
        async with store.transaction(None):
            given = [r["tenant_id"] for r in rows], [r["id"] for r in rows], [claim] * len(rows)
            await conn.fetch(store.q.drop_effects, *given, lease)


async def _alone(port: int) -> None:
    outside = OutsideService(port)
    await outside.open()
    await lead(Settings(), outside, asyncio.Event())


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_alone(int(sys.argv[1])))
