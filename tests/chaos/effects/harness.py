"""Two processes, a counting world, and faults: `effects_under_faults` makes a run of it and answers what it found.

Called by tests/stream/test_effects_faults.py and by the part `effects` of `flatrender chaos`.
"""

import asyncio
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

import asyncpg
import msgspec

from consumers.runtime.effects.declared import AT_ONCE
from consumers.runtime.effects.making import EFFECT, effect_id, kept_row
from consumers.runtime.store import Store, columns
from contracts.envelope import Envelope, first
from contracts.notification.notifications import ReadNotification
from tests.chaos.effects.kinds import DOMAIN, Mail, Pay, Task, domain
from tests.chaos.effects.member import HASTY, Member, port_of
from tests.chaos.effects.outside_service import OutsideService
from tests.chaos.wires import Wire
from tests.support.leading import app_connection

Fault = Literal["kill", "stop", "cut"]
FAULTS: tuple[Fault, ...] = ("kill", "stop", "cut")
TENANTS = 5


class Found(msgspec.Struct):
    """What came of a run; `violations` says in sentences what must not be, nothing when all is well."""

    effects: int
    faults: list[Fault] = []
    done: int = 0
    asked: int = 0
    unknown: int = 0
    twice: list[str] = []
    violations: list[str] = []


class Fleet:
    """A leader and a standby; whoever leads can be killed, stopped or cut off."""

    def __init__(self, dsn: str, outside: OutsideService, log: Path, stack: AsyncExitStack, *, hasty: bool) -> None:
        self._dsn, self._outside, self._log, self._stack, self._hasty = dsn, outside, log, stack, hasty
        self._members: list[tuple[Member, Wire]] = []
        silent = HASTY["SILENT"] if hasty else 5.0
        self.long = silent * 2.0  # seconds in which another surely takes over

    async def start(self) -> None:
        """Begin both."""
        for name in ("one", "two"):
            wire = await self._stack.enter_async_context(Wire(lambda: port_of(self._dsn)))
            member = Member(name, self._dsn, wire.port, self._outside.port, hasty=self._hasty)
            await member.start(self._log)
            self._stack.push_async_callback(member.kill)
            self._members.append((member, wire))

    async def leader(self, since: int = 0) -> tuple[Member, Wire]:
        """Who leads by a later lease than this."""
        while True:
            latest = max(self._members, key=lambda entry: entry[0].lease)
            if latest[0].lease > since:
                return latest
            await asyncio.sleep(0.02)

    async def fail(self, fault: Fault, seconds: float) -> None:
        """Let the leader fail, wait until the other leads, and bring it back after some seconds more."""
        member, wire = await self.leader()
        lease = member.lease
        if fault == "kill":
            await member.kill()
        elif fault == "stop":
            member.signal(signal.SIGSTOP)
        else:
            wire.cut("", "silent")
        await self.leader(lease)
        await asyncio.sleep(seconds)
        if fault == "kill":
            await member.start(self._log)
        elif fault == "stop":
            member.signal(signal.SIGCONT)
        else:
            wire.heal("")


async def insert(dsn: str, effects: Sequence[msgspec.Struct], tenants: Sequence[UUID]) -> dict[str, str]:
    """Keep effects as a batch does; their ids with their kinds."""
    conn = await app_connection(dsn, DOMAIN)
    store, rows, made = Store(conn, DOMAIN), [], {}
    kinds = domain().kinds
    for number, effect in enumerate(effects):
        envelope = _envelope(tenants[number % len(tenants)])
        kind = kinds[type(effect)]
        identity = effect_id(envelope.id, kind.name)
        made[str(identity)] = kind.name
        rows.append(kept_row(kind, effect, envelope, identity))
    for begin in range(0, len(rows), 1000):
        async with store.transaction(None):
            await store.keep_columns(store.q.keep_effects, columns(rows[begin : begin + 1000], EFFECT))
    await conn.close()
    return made


def _envelope(tenant: UUID) -> Envelope:
    return first(ReadNotification(notification_id=uuid4()), tenant=tenant)


async def effects_under_faults(
    dsn: str, log: Path, *, each: int, faults: Sequence[Fault], chance: random.Random, hasty: bool = False,
    notice: Callable[[str], None] = lambda text: None,
) -> Found:  # fmt: skip
    """So many effects of each kind while the leader of two processes fails in these ways, one after the other. `dsn` is a superuser's."""
    tenants = [uuid4() for _ in range(TENANTS)]
    admin = await asyncpg.connect(dsn)
    found = Found(effects=3 * each)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(admin.close)
        outside = await stack.enter_async_context(OutsideService(chance, lost=0.02, refused=0.02, slow=0.1))
        fleet = Fleet(dsn, outside, log, stack, hasty=hasty)
        await fleet.start()
        await fleet.leader()
        made: dict[str, str] = {}
        share = -(-each // (len(faults) + 1))
        for fault in (*faults, None):
            group = [kind(n) for n in range(share) for kind in (Task, Pay, Mail)]
            chance.shuffle(group)
            made |= await insert(dsn, group, tenants)
            if fault is not None:
                await _some_done(outside, chance.randrange(3, max(4, share)))
                notice(f"{fault} with {await _left(admin)} effects left")
                await fleet.fail(fault, chance.uniform(0.0, fleet.long))
                found.faults.append(fault)
        await _until_ended(admin)
        await _reckon(found, admin, outside, made)
    return found


async def _some_done(outside: OutsideService, more: int) -> None:
    until = outside.done.total() + more
    give_up = asyncio.get_running_loop().time() + 30
    while outside.done.total() < until and asyncio.get_running_loop().time() < give_up:
        await asyncio.sleep(0.005)


async def _left(admin: asyncpg.Connection) -> int:
    found: int = await admin.fetchval(f"select count(*) from {DOMAIN}.effects where state <> 'unknown' or kind <> 'mail' or owing")
    return found


async def _until_ended(admin: asyncpg.Connection) -> None:
    while await _left(admin):
        await asyncio.sleep(0.1)


async def _reckon(found: Found, admin: asyncpg.Connection, outside: OutsideService, made: dict[str, str]) -> None:
    unknown = {str(row["id"]) for row in await admin.fetch(f"select id from {DOMAIN}.effects where state = 'unknown'")}
    found.effects, found.done, found.asked, found.unknown = len(made), outside.done.total(), outside.asked.total(), len(unknown)
    found.twice = outside.twice("pay", "mail")
    missing = [key for key in made if not outside.done[key] and key not in unknown]
    silent = [key for key in made if key not in unknown and not outside.reports.get(key)]
    doubled = [key for key, ids in outside.reports.items() if len(ids) != 1]
    most = AT_ONCE * len(found.faults)
    for wrong, text in (
        (found.twice, "done twice that must not be"),
        (missing, "never done"),
        (silent, "done and not reported"),
        (doubled, "reported under several ids"),
        ([key for key in unknown if made[key] != "mail"], "unknown for ever, though one can ask"),
        (sorted(unknown)[most:], f"unknown besides the {most} that {len(found.faults)} faults may leave"),
    ):
        if wrong:
            found.violations.append(f"{len(wrong)} effects were {text}: {', '.join(map(str, wrong[:5]))}")
