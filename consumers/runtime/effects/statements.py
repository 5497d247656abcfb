"""The statements of a leader about its effects, over the pool: each names its lease, and the claim on the row."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import msgspec

from consumers.runtime.connection import DATABASE_AWAY, POOL_WAIT
from consumers.runtime.effects.declared import EffectKind
from consumers.runtime.effects.gathering import Gathering
from consumers.runtime.effects.row import Claimed, Unreadable, answer_of
from consumers.runtime.leading import Leading
from consumers.runtime.pool import Pool
from consumers.runtime.store import Store, columns
from consumers.runtime.table import JSON
from contracts.effects import EffectEnd, EffectState, Lane
from contracts.message import Command

log = logging.getLogger(__name__)
LEASE = 30.0  # seconds of a claim; renewed while it is under way
PAIRS = 200  # tenants with a destination that one claim looks at
HANGS = 10.0  # seconds after which the connection of a statement that does not end is dropped
AGAIN = 0.2  # seconds until a statement is tried again while the database is away
UNREADABLE = 60.0  # seconds until a row that this release cannot read is looked at again
NIL = UUID(int=0)
MOVE = ("uuid", "uuid", "uuid", "text", "text", "boolean", JSON, "boolean", "float8", "bigint", "bigint", "bigint", "text")
T = TypeVar("T")


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """The next state of a claimed row; None leaves a value. `seconds`: until it is looked at again; `keeps`: the claim goes on."""

    row: Claimed
    state: EffectState | None = None
    ended: EffectEnd | None = None
    owing: bool = False
    answer: Sequence[Command] | None = None
    keeps: bool = False
    seconds: float | None = None
    attempts: int = 0
    asks: int = 0
    reports: int = 0
    error: str | None = None

    @property
    def columns(self) -> tuple[Any, ...]:
        """As move_effects takes them."""
        row, answer = self.row, None if self.answer is None else answer_of(self.answer)
        error = None if self.error is None else self.error[:500].replace("\x00", "\ufffd")
        kept = row.tenant_id, row.id, row.claim, self.state, self.ended, self.owing, answer, self.keeps, self.seconds
        return *kept, self.attempts, self.asks, self.reports, error


class Claims(msgspec.Struct):
    """What a claim found; the next of this lane begins behind `last`, unless it has seen the `end` of all."""

    rows: list[Claimed] = []
    last: tuple[UUID, str] = (NIL, "")
    end: bool = True
    wanted: int = 0  # rows that were due, though a rate may have let fewer through
    wait: float | None = None  # seconds until more may go
    epoch: int = 0


class Statements:
    """One domain's. Errors of DATABASE_AWAY are raised by claims; what is known of a row is written again until it stands."""

    def __init__(self, domain: str, kinds: dict[str, EffectKind], pool: Pool, leading: Leading) -> None:
        self.domain, self._kinds, self._pool, self._leading = domain, kinds, pool, leading
        self._moves: Gathering[Move] = Gathering(self._move)
        self._drops: Gathering[Claimed] = Gathering(self._drop)

    async def move(self, move: Move) -> bool:
        """Whether the row was this process's still."""
        return await self._moves.add(move.row.id, move)

    async def drop(self, row: Claimed) -> bool:
        """Remove what is done and reported."""
        return await self._drops.add(row.id, row)

    async def claim(self, lane: Lane, behind: tuple[UUID, str], free: int, own: Collection[UUID], grace: float) -> Claims:
        """As many effects of a lane as it has free slots."""
        lease, claim = self._leading.lease, uuid4()
        async with self.transaction(lasting=False) as store:
            q = store.q.claim_effects
            found = await store.conn.fetch(q, lane, *behind, free, claim, lease, list(own), LEASE, grace, PAIRS)
        first = found[0]
        last = (first["last_tenant"] or NIL, first["last_destination"] or "")
        end = first["seen"] < PAIRS and (first["wanted"] < free)
        rows = await self._read(found, lease)
        return Claims(rows, last, end, first["wanted"], first["wait"], first["log_epoch"] or 0)

    async def claim_owing(self, most: int, own: Collection[UUID]) -> tuple[list[Claimed], float | None]:
        """What has ended and is not reported; and the seconds until the next."""
        return await self._claimed("claim_owing", most, own)

    async def claim_open(self, most: int, own: Collection[UUID]) -> tuple[list[Claimed], float | None]:
        """What is unknown; and the seconds until the next."""
        return await self._claimed("claim_open", most, own)

    async def _claimed(self, name: str, most: int, own: Collection[UUID]) -> tuple[list[Claimed], float | None]:
        lease = self._leading.lease
        async with self.transaction(lasting=False) as store:
            found = await store.conn.fetch(getattr(store.q, name), uuid4(), most, list(own), LEASE, lease)
        return await self._read(found, lease), found[0]["wait"]

    async def _read(self, found: Iterable[asyncpg.Record], lease: int) -> list[Claimed]:
        rows: list[Claimed] = []
        for row in found:
            if row["claim"] is None:  # none, or one that a restore put in doubt
                continue
            try:
                rows.append(Claimed.of(row, self._kinds, lease))
            except Unreadable as error:  # it stays for a release that can, or a person, and holds nothing up
                log.error("ALARM: %s: effect %s (%s) cannot be read and stays: %s", self.domain, row["id"], row["kind"], error)
                await self._put_by(row, lease, str(error))
        return rows

    async def _put_by(self, row: asyncpg.Record, lease: int, why: str) -> None:
        named = row["tenant_id"], row["id"], row["claim"], lease
        bare = Claimed(*named, None, None, None, 0, 0, 0, row["state"], row["ended"], answer=row.get("answer"))  # type: ignore[arg-type]
        await self.put_by(bare, why, attempts=-1 if row["state"] == "due" else 0)

    async def put_by(self, row: Claimed, why: str, attempts: int = 0) -> bool:
        """Leave a row as it is for a while, with what is wrong with it."""
        owing = row.state in ("done", "exhausted") or row.answer is not None
        return await self.move(Move(row=row, seconds=UNREADABLE, attempts=attempts, owing=owing, error=why))

    async def hold(self, rows: Sequence[Claimed]) -> set[UUID]:
        """Renew the claims on what is under way; which of them are this process's still."""
        async with self.transaction(lasting=False) as store:
            columns = [row.tenant_id for row in rows], [row.id for row in rows], [row.claim for row in rows]
            return {row["id"] for row in await store.conn.fetch(store.q.hold_effects, *columns, LEASE, self._leading.lease)}

    async def take_over(self, own: Collection[UUID], left: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Free what leaders before had claimed; and ask what they may have left of what keeps no rows."""
        async with self.transaction() as store:
            await store.conn.execute(store.q.take_over_effects, list(own), self._leading.lease)
            return await left(store.conn)

    async def doubt_restored(self, grace: float) -> None:
        """After a restore of the log, what must not be repeated is unknown."""
        async with self.transaction() as store:
            done = await store.conn.execute(store.q.doubt_restored, grace, self._leading.lease)
        if count := int(done.rpartition(" ")[2]):
            log.warning("%s: the log was restored; what became of %d effects is unknown", self.domain, count)

    async def hear(self, row: Claimed, *, failed: bool, peace: float = 0.0) -> None:
        """Note that a row's destination failed, or answered, or asks for so many seconds of peace. What cannot be noted is heard again."""
        to = row.kind.destination
        if to is None:
            return
        told = row.tenant_id, row.destination, failed, to.failures, to.rest, peace, row.claim, self._leading.lease
        try:
            async with self.transaction() as store:
                await store.conn.execute(store.q.hear_destination, *told)
        except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
            log.warning("%s: how %s fares cannot be noted: %s", self.domain, row.destination, error)

    async def counts(self) -> list[asyncpg.Record]:
        """How many there are by kind and state, and since when."""
        async with self.transaction() as store:
            return list(await store.conn.fetch(store.q.effect_counts))

    async def forget_destinations(self) -> None:
        """Remove the rows of those of whom nothing was heard for a day."""
        async with self.transaction() as store:
            await store.conn.execute(store.q.forget_destinations, self._leading.lease)

    async def _move(self, moves: Sequence[Move]) -> set[UUID]:
        given = columns((move.columns for move in moves), MOVE)
        return await self._surely("move_effects", given)

    async def _drop(self, rows: Sequence[Claimed]) -> set[UUID]:
        return await self._surely("drop_effects", [[row.tenant_id for row in rows], [row.id for row in rows], [row.claim for row in rows]])

    async def _surely(self, name: str, given: Sequence[Any]) -> set[UUID]:
        """Run a statement that may be run again, until it is; under the lease that this process has by then: the claims must stand too."""
        while True:
            await self._leading.active.wait()
            try:
                async with self.transaction(lasting=name != "drop_effects") as store:
                    return {row["id"] for row in await store.conn.fetch(getattr(store.q, name), *given, self._leading.lease)}
            except DATABASE_AWAY as error:
                log.warning("%s: the state of effects cannot be written yet: %s", self.domain, error)
                await asyncio.sleep(AGAIN)

    @asynccontextmanager
    async def transaction(self, tenants: Iterable[UUID] | None = None, *, lasting: bool = True) -> AsyncIterator[Store]:
        """A transaction over a connection of the pool, which is dropped when it hangs. Serves all tenants, unless some are named.

        What a crash of the server may lose is not `lasting`: a claim, as nothing is handed over before a later commit is on the disk; a
        removal, as what is reported again has the same ids.
        """
        async with self._pool.acquire(timeout=POOL_WAIT) as conn:
            late = asyncio.get_running_loop().call_later(HANGS if tenants is None else POOL_WAIT * 4, conn.terminate)
            try:
                store = Store(conn, self.domain)
                store.lasting = lasting
                async with store.transaction(tenants):
                    yield store
            finally:
                late.cancel()
