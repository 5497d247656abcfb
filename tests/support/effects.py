"""Domains whose effects are a test's own, and tries of effects."""

import asyncio
import contextlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Self
from uuid import UUID, uuid4

import asyncpg
import msgspec

from consumers.notification import DOMAIN as NOTIFICATION
from consumers.runtime.batch import Batch
from consumers.runtime.connection import DATABASE_AWAY, until_lost
from consumers.runtime.domain import Domain
from consumers.runtime.effects import steering
from consumers.runtime.effects.declared import EffectKind, Run
from consumers.runtime.effects.making import EFFECT, Made, effect_id, kept_row
from consumers.runtime.effects.runner import EffectRunner
from consumers.runtime.store import Store, columns
from contracts.effects import STEER
from contracts.envelope import Envelope, first
from contracts.message import Command
from contracts.notification.notifications import ReadNotification
from tests.support.in_process import item_of
from tests.support.leading import app_connection, pool_of, standing_by


def running_by(domain: Domain, run: Run) -> Domain:
    """The domain with this function for each of its kinds."""
    kinds = tuple(kind if kind.together else msgspec.structs.replace(kind, run=run) for kind in domain.effects)
    return msgspec.structs.replace(domain, effects=kinds)


def call_of(envelope: Envelope) -> Any:
    """A try of an effect of this event."""
    return SimpleNamespace(key=uuid4(), envelope=envelope, attempt=1, left=2.0, begin=lambda: None)


class Workshop:
    """A domain with kinds of a test's own, over the schema of `notification`, and the process that leads it; use `async with`."""

    def __init__(self, dsn: str, *kinds: EffectKind, tools: Any = None) -> None:
        self.dsn, self.tools = dsn, tools
        self.domain = Domain(name="notification", tables=(), decides={}, writes={}, effects=kinds)
        self.reported: list[tuple[Command, UUID]] = []
        self.broken = 0  # reports that are not taken before one is
        self.leading = standing_by(dsn, "notification")
        self.runner = EffectRunner(self.domain, pool_of(dsn, "notification"), self._publish, tools, self.leading)

    async def _publish(self, command: Command, envelope: Envelope) -> None:
        if self.broken > 0:
            self.broken -= 1
            raise OSError("the broker is away")
        self.reported.append((command, envelope.id))

    async def __aenter__(self) -> Self:
        self.admin = await asyncpg.connect(self.dsn)
        self._conn = await app_connection(self.dsn, "notification")
        self.store = Store(self._conn, "notification")
        self._tasks: list[asyncio.Task[None]] = []
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self._conn.close()
        await self.admin.close()

    async def start(self) -> None:
        """Lead, and carry out effects."""
        self._tasks = [asyncio.create_task(self.runner.run()), asyncio.create_task(self._lead())]
        await self.leading.active.wait()

    async def _lead(self) -> None:
        while True:
            with contextlib.suppress(*DATABASE_AWAY):
                async with self.leading.lead() as line:
                    await self.runner.take_over()
                    self.leading.active.set()
                    await until_lost(line.conn)

    async def stop(self) -> None:
        """End without a word, as far as a process can that goes on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for slots in self.runner._all:
            slots.end(slots.rows)
        while self.runner.busy:
            await asyncio.sleep(0.01)
        self._tasks = []

    async def put(self, *effects: msgspec.Struct, tenant: UUID | None = None, wake: bool = True) -> list[UUID]:
        """Keep effects as a batch does; their ids."""
        made = Made()
        rows, ids = [], []
        for effect in effects:
            kind = self.domain.kinds[type(effect)]
            envelope = first(ReadNotification(notification_id=uuid4()), tenant=tenant or uuid4())
            ids.append(effect_id(envelope.id, kind.name))
            rows.append(kept_row(kind, effect, envelope, ids[-1]))
            made.lanes.add(kind.lane)
        async with self.store.transaction(None):
            await self.store.keep_columns(self.store.q.keep_effects, columns(rows, EFFECT))
        if wake:
            self.runner.start_new(made)
        return ids

    async def row(self, id: UUID) -> Any:
        """A row as it is now; None when it is gone."""
        return await self.admin.fetchrow("select * from notification.effects where id = $1", id)

    async def until(self, id: UUID, is_so: Callable[[Any], bool]) -> Any:
        """Wait until a row is as it should be."""
        async with asyncio.timeout(30):
            while not is_so(row := await self.row(id)):
                await asyncio.sleep(0.02)
        return row

    async def set(self, id: UUID, values: str) -> None:
        """Change a row by hand, and have it looked at."""
        await self.admin.execute(f"update notification.effects set {values} where id = $1", id)
        self.runner._later(0.0)

    async def steer(self, id: UUID, act: str, reason: str = "") -> Any:
        """Decide a person's act on an effect; the outcome."""
        tenant = (await self.row(id))["tenant_id"]
        domain = msgspec.structs.replace(self.domain, decides=steering.decides("notification"), writes=NOTIFICATION.writes)
        item = item_of(STEER["notification"](effect_id=id, act=act, reason=reason), tenant)  # type: ignore[call-arg]
        batch = Batch(domain, self.store, [item])
        await batch.commit()
        self.runner.start_new(batch.effects)
        return item.outcome
