"""Sees what the nodes say: which part each draws at which moment, and the reports of their results."""

import time
from collections import deque
from types import TracebackType
from typing import NamedTuple, Self
from uuid import UUID

import msgspec
from nats.aio.msg import Msg

from adapters.nats import Connection, connect
from adapters.settings import Settings
from contracts.message import decode, type_of
from contracts.node import PartTick, ReportExport, ReportFailure, ReportInspection, ReportSegment
from deploy.local.servers import NATS_ADMIN
from deploy.local.stack import Stack

PROGRESS = (type_of(ReportSegment).full_name, type_of(ReportExport).full_name)
MARK = "chaos-repeat"  # the header of a report that was sent again by us
DRAWING = 0.45  # seconds: a node that draws sends a tick at least so often


class Said(NamedTuple):
    """A report as it went over the wire."""

    node: UUID
    subject: str
    headers: dict[str, str]
    body: bytes

    @property
    def part_id(self) -> UUID:
        """The part that it is about."""
        return UUID(msgspec.json.decode(self.body)["part_id"])


class Drawing(NamedTuple):
    """A sign of life of a part."""

    at: float  # seconds, wall clock
    part_id: UUID
    job_id: UUID


class Watcher:
    """Use as `async with`; times are those of the wall clock, as in the log."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.last: dict[UUID, Drawing] = {}  # of each node
        self.ticks: dict[UUID, list[tuple[float, UUID]]] = {}  # of each part: when, and by which node
        self.said: deque[Said] = deque(maxlen=1000)
        self.results = 0  # segments and exports that nodes have reported

    async def __aenter__(self) -> Self:
        servers = self._stack.servers
        login = Settings(nats_url=servers.nats_url, nats_user=NATS_ADMIN, nats_password=servers.secrets.get("nats.admin"))
        self._nc: Connection = await connect(login, "chaos watcher", within=10)
        await self._nc.subscribe(type_of(PartTick).subject("*"), cb=self._ticked)
        for cls in (ReportSegment, ReportExport, ReportInspection, ReportFailure):
            await self._nc.subscribe(type_of(cls).subject("*"), cb=self._reported)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._nc.close()

    def drawing(self, node: UUID, within: float = DRAWING) -> Drawing | None:
        """What a node draws, if it has told so within the last seconds."""
        last = self.last.get(node)
        return last if last and time.time() - last.at < within else None

    def drawn_since(self, part_id: UUID, since: float, node: UUID | None = None) -> float | None:
        """When a part was first seen to be drawn (by that node) after a moment."""
        return next((at for at, by in self.ticks.get(part_id, ()) if at >= since and node in (None, by)), None)

    async def _ticked(self, msg: Msg) -> None:
        tick = decode(type_of(PartTick).full_name, msg.data)
        assert isinstance(tick, PartTick)
        at, node = time.time(), UUID(msg.subject.split(".")[1])
        self.last[node] = Drawing(at, tick.part_id, tick.subject_id)
        self.ticks.setdefault(tick.part_id, []).append((at, node))

    async def _reported(self, msg: Msg) -> None:
        if MARK in (msg.headers or {}):
            return
        headers = {name: value for name, value in (msg.headers or {}).items() if name.startswith("ce-") or name == "traceparent"}
        self.results += headers["ce-type"] in PROGRESS
        self.said.append(Said(UUID(msg.subject.split(".")[1]), msg.subject, headers, msg.data))
