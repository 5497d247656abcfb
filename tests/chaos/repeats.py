"""Reports sent once more, at once and late, as a node would that lost an answer or was thought dead; none of them may change anything."""

import asyncio
import contextlib
import random
from collections import Counter
from types import TracebackType
from typing import Any, Literal, Self
from uuid import UUID, uuid4

import asyncpg
import msgspec

from adapters.nats import Connection, Frame, StreamError, connect, store
from consumers.render.leases.object_keys import segment_object_key
from contracts.catalogue import node_role
from contracts.envelope import first
from contracts.message import encode, type_of
from contracts.node import ReportSegment, report_id
from deploy.local.stack import Stack
from tests.chaos.watcher import MARK, Said, Watcher

RepeatKind = Literal["the same again", "again under a new id", "late under a new id", "late with other bytes", "for a lost lease"]
SHARE = 0.5  # of the results that are sent again at once, and of those that are sent again late
LATE = (0.0, 3.0)  # seconds after the end of its part's lease
MOST_LATE = 200  # reports that wait for the end of their parts
OTHER = "0" * 64  # the SHA-256 of bytes that nobody drew
LOST = """
    select p.part_id, p.tenant_id, p.node_id, p.epoch, s.segment_key, s.frames from render.render_parts p
    join render.segments s on s.tenant_id = p.tenant_id and p.keys ? s.segment_key
    where p.tenant_id = any($1) and p.state in ('expired', 'failed') and p.kind = 'render' and p.part_id <> all($2)
    and p.updated_at > now() - interval '20 seconds'
"""


class Sent(msgspec.Struct, frozen=True):
    """A report of ours that the broker has taken, under the id by which the farm knows it."""

    kind: RepeatKind
    id: UUID
    report: str


class Repeats:
    """Use as `async with`, and `run` while nodes work; `tenants` may grow."""

    def __init__(self, stack: Stack, watcher: Watcher, tenants: list[UUID], chance: random.Random) -> None:
        self._stack, self._watcher, self._tenants, self._random = stack, watcher, tenants, chance
        self._ncs: dict[UUID, Connection] = {}
        self._late: dict[UUID, Said] = {}  # by part: one of its results, until its lease is over
        self._lost: set[UUID] = set()  # parts that something was said for
        self.sent: list[Sent] = []
        self.not_taken: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        self._conn = await asyncpg.connect(self._stack.servers.pg_admin_dsn)
        await self._conn.execute("set app.tenants = '*'")
        for node in self._stack.node_ids:
            name = node_role(node).name
            login = self._stack.settings(name)
            self._ncs[node] = await connect(login, f"chaos {name}", within=10)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._conn.close()
        for nc in self._ncs.values():
            await nc.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Repeat until `stop` is set."""
        while not stop.is_set():
            while self._watcher.said:
                await self._heard(self._watcher.said.popleft())
            await self._say_late()
            await self._say_lost()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._random.uniform(0.1, 0.5))

    def now(self, tenant: UUID) -> None:
        """Results of this tenant are sent again too."""
        self._tenants.append(tenant)

    async def _heard(self, said: Said) -> None:
        if UUID(said.headers["ce-tenant"]) not in self._tenants:
            return
        if self._random.random() < SHARE:
            await self._send("the same again", said, {})
            await self._send("again under a new id", said, _anew())
        if self._random.random() < SHARE and len(self._late) < MOST_LATE:
            self._late[said.part_id] = said

    async def _say_late(self) -> None:
        """What was said under a lease is said again once it is over."""
        rows = await self._conn.fetch(
            "select part_id from render.render_parts where part_id = any($1) and state <> 'active'"
            " and updated_at < now() - make_interval(secs => $2)",
            list(self._late),
            self._random.uniform(*LATE),
        )
        for row in rows:
            said = self._late.pop(row["part_id"])
            await self._send("late under a new id", said, _anew())
            if b'"sha256"' in said.body:
                changed = msgspec.json.decode(said.body) | {"sha256": OTHER, "bytes": 1}
                await self._send("late with other bytes", said._replace(body=encode(changed)), _anew())  # type: ignore[arg-type]

    async def _say_lost(self) -> None:
        """A node that was thought dead says that it has drawn, after all, what it was to draw."""
        rows = await self._conn.fetch(LOST, self._tenants, list(self._lost))
        for row in rows:
            self._lost.add(row["part_id"])
            await self._send("for a lost lease", _drawn(row), {})

    async def _send(self, kind: RepeatKind, said: Said, changed: dict[str, str]) -> None:
        headers = said.headers | changed | {MARK: kind}
        lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items())
        try:
            await store(self._ncs[said.node], [Frame(said.subject, lines, said.body)])
        except StreamError as error:
            self.not_taken[type(error).__name__] += 1
            return
        self.sent.append(Sent(kind, report_id(said.node, UUID(headers["ce-id"])), headers["ce-type"]))


def _anew() -> dict[str, str]:
    return {"ce-id": str(uuid4())}


def _drawn(row: Any) -> Said:
    """The report of a segment under a lease that its node has lost."""
    report = ReportSegment(
        part_id=row["part_id"],
        epoch=row["epoch"],
        key=row["segment_key"],
        object_key=segment_object_key(row["tenant_id"], row["segment_key"], row["epoch"], row["part_id"]),
        sha256=OTHER,
        bytes=1,
        frames=row["frames"],
        difference=0.0,
        seconds=0.1,
    )
    envelope = first(report, tenant=row["tenant_id"], actor=f"node:{row['node_id']}")
    return Said(row["node_id"], type_of(report).subject(row["node_id"]), envelope.headers(), encode(report))
