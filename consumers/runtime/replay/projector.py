"""Projects recorded events into empty tables: in memory first, the last state of every row written in batches behind it."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import asyncpg
import msgspec

from consumers.runtime.domain import Domain
from consumers.runtime.private import projecting
from consumers.runtime.projection import Write, change
from consumers.runtime.reactions import Fold
from consumers.runtime.replay.held import Held
from consumers.runtime.replay.writing import Writer
from consumers.runtime.state import Missing, Want
from consumers.runtime.store import Store
from contracts.envelope import Envelope
from contracts.message import Event, decode

WRITE_EVERY = 90_000  # changes of rows: many of them meet in one row, which is written once
MOST_ROWS = 200_000  # held in memory: about 150 MB
MOST_PROBLEMS = 100


Recorded = Sequence[Any]
"""An event's columns as `recorded` and `unsequenced` select them; position 0: not in the log yet."""
Ready = tuple[Write, Event, Envelope, Recorded]
Spans = Mapping[tuple[str, str], tuple[int, int]]
"""Behind which position and up to which each fold (its domain, its name) has filled its table."""


class Problems(list[str]):
    """The first hundred things that could not be done."""

    def say(self, problem: str) -> None:
        """Note one, if there is room."""
        if len(self) < MOST_PROBLEMS:
            self.append(problem)


class Projector:
    """Fills the tables behind `conn`, which must serve all tenants and may still be on its way; all is there when the context ends.

    `spans` are those of the live tables' folds: what is not folded there yet is not folded here. `problems` says what could not be applied.
    """

    def __init__(
        self, conn: asyncio.Future[asyncpg.Connection], domains: Sequence[Domain], spans: Spans, *, most_rows: int = MOST_ROWS
    ) -> None:
        self._conn, self._most_rows = conn, most_rows
        self._writes: dict[type[Event], Write] = {cls: write for domain in domains for cls, write in domain.writes.items()}
        self._folds: dict[type[Event], list[tuple[int, int, Write]]] = {}
        for name, fold in [(domain.name, one) for domain in domains for one in domain.reacts if isinstance(one, Fold)]:
            since, until = spans.get((name, fold.name), (0, 0))
            for cls in fold.events:
                self._folds.setdefault(cls, []).append((since, until, fold.write))
        self._held = Held()
        self._projecting = projecting(domain.private for domain in domains)
        self.problems = Problems()
        self._writer = Writer(conn, self.problems.say)  # not a method of this object: a ring would keep all rows until the collector comes
        self._mark = 0
        self._writing: asyncio.Task[None] | None = None

    async def take(self, events: Sequence[Recorded]) -> None:
        """Project some events, in order; every projection sees what the earlier ones made."""
        known = [ready for event in events for ready in self._read(event)]
        while wants := self._project(known):
            self._held.rollback(self._mark)
            await self._written()
            await self._held.load(wants, Store(await self._conn, "log").fetch_rows)
        self._mark = self._held.mark()
        if self._held.puts >= WRITE_EVERY:
            await self._write()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Write what is not written yet; after an error, give up what is being written."""
        if error is None:
            await self._write()
            await self._written()
        elif self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    def _read(self, recorded: Recorded) -> list[Ready]:
        """What an event does to its domain's own tables, and to others' copies."""
        position, event_id, kind, tenant, time, actor, correlation, causation, traceparent, body = recorded
        try:
            event = decode(kind, body)
            assert isinstance(event, Event), "only events are recorded"
        except KeyError:
            return self._nobodys(recorded)
        except msgspec.MsgspecError as error:
            self._note(recorded, f"the body cannot be read: {error}")
            return []
        envelope = Envelope(
            id=event_id,
            type=kind,
            tenant=tenant,
            time=time,
            actor=actor,
            correlation=correlation,
            causation=causation,
            traceparent=traceparent,
        )
        write = self._writes.get(type(event))
        ready = self._nobodys(recorded) if write is None else [(write, event, envelope, recorded)]
        for since, until, fold in self._folds.get(type(event), ()):
            if since < position <= until:
                ready.append((fold, event, envelope, recorded))
        return ready

    def _nobodys(self, recorded: Recorded) -> list[Ready]:
        self._note(recorded, "no domain writes events of this type; replay with the release that wrote it, or a newer one")
        return []

    def _note(self, recorded: Recorded, text: str) -> None:
        position, event_id, kind, *_ = recorded
        where = f"position {position}" if position else "not yet in the log"
        self.problems.say(f"event {event_id} ({where}, {kind}): {text}")

    def _project(self, known: list[Ready]) -> list[Want]:
        """Apply all; answers the rows that have to be loaded before it can be done right."""
        wants: list[Want] = []
        failed: list[tuple[Recorded, str]] = []
        for write, event, envelope, recorded in known:
            try:
                change(write, event, envelope, self._projecting(self._held, envelope.tenant))
            except Missing as missing:
                wants += missing.wants
            except Exception as error:  # whatever a damaged log does to a projection is a finding, not the end
                failed.append((recorded, f"it cannot be applied: {type(error).__name__}: {error}"))
        if not wants:
            for recorded, text in failed:
                self._note(recorded, text)
        return wants

    async def _write(self) -> None:
        await self._written()
        changes = self._held.settle()
        self._mark = 0
        if changes:
            self._writing = asyncio.create_task(self._writer.write(changes))
        if self._held.count > self._most_rows:
            await self._written()
            self._held.let_go()

    async def _written(self) -> None:
        if self._writing is not None:
            writing, self._writing = self._writing, None
            await writing
