"""One part in work: what it was asked, what it works with, and how it speaks to the farm."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import cast

import msgspec

from contracts.envelope import Envelope
from contracts.message import Report
from contracts.node import DrawPart, Manifest, PartTick, ReportCrash, ReportFailure
from contracts.render.nodes import CrashKind
from node_worker.cache import Cache
from node_worker.engines import protocol
from node_worker.engines.host import EngineCrashed, EngineProcess
from node_worker.failures import LOG_TAIL, PartFailed
from node_worker.folder import Folder
from node_worker.link import Link
from node_worker.log import redact, warning
from node_worker.platform import KILL_SIGNAL
from node_worker.reporter import Reporter
from node_worker.slots import Slots
from node_worker.transfer import TooLarge, Transfers

MANIFEST_LIMIT = 16 << 20  # bytes: some 40,000 segments
CRASHES: dict[str, CrashKind] = {"hang": "engine_hang", "oom": "out_of_memory", "disk_full": "out_of_disk", "unsteady": "frames_differ"}


class Tools(msgspec.Struct, frozen=True):
    """What all parts of a node share."""

    node_id: str
    node_name: str
    folder: Folder
    transfers: Transfers
    cache: Cache
    reporter: Reporter
    link: Link
    slots: Slots
    twice: float = 0.0  # the share of each segment's frames that are drawn a second time


class Part:
    """A part and, from `take_engine` to `release_engine`, an engine; `folder` is its own and goes with it."""

    def __init__(self, work: DrawPart, envelope: Envelope, tools: Tools) -> None:
        self.work, self.envelope, self.tools = work, envelope, tools
        self.folder = tools.folder.part(f"{work.part_id}-{work.epoch}")
        self._engine: EngineProcess | None = None
        self._crashes = 0

    @property
    def engine(self) -> EngineProcess:
        """The engine that the part has taken."""
        assert self._engine is not None, "a part takes an engine before it asks one"
        return self._engine

    async def take_engine(self, *, short: bool = False) -> None:
        """Wait for a slot, once everything that the engine needs lies on the disk; short work does not wait. Raises PartFailed."""
        try:
            self._engine = await (self.tools.slots.take_short() if short else self.tools.slots.take())
        except EngineCrashed as crash:
            raise failure_of(crash) from crash

    def release_engine(self) -> None:
        """Let another part have the engine while the last transfers run."""
        if self._engine is not None:
            self.tools.slots.give_back(self._engine)
            self._engine = None

    async def manifest(self) -> Manifest:
        """The manifest, fetched if it did not come along. Raises PartFailed."""
        if self.work.manifest is not None:
            return self.work.manifest
        try:
            return msgspec.json.decode(await self.tools.transfers.read(self.work.manifest_url, MANIFEST_LIMIT), type=Manifest)
        except (msgspec.MsgspecError, TooLarge) as error:
            raise PartFailed("node.manifest", f"the manifest cannot be read: {error}") from error

    async def report(self, report: Report, name: str = "") -> None:
        """Report on this part; the report is on disk when this returns."""
        await self.tools.reporter.about(self.envelope, report, self.work.part_id, f"{self.work.epoch} {name}")

    async def fail(self, why: PartFailed) -> None:
        """Report that the part ends here."""
        warning("part failed", part=self.work.part_id, code=why.code, detail=why.detail)
        facts = {
            name: getattr(why, name)
            for name in ("code", "detail", "field", "crash", "signal", "exit_code", "last_frame", "log_tail", "template", "segment")
        }
        await self.report(ReportFailure(part_id=self.work.part_id, epoch=self.work.epoch, **facts))

    async def crashed(self, crash: EngineCrashed, template: str) -> None:
        """Report a crash after which the part goes on."""
        why = failure_of(crash, template)
        warning("engine crashed", part=self.work.part_id, kind=crash.kind, signal=crash.signal, last_frame=crash.last_frame)
        assert why.crash is not None
        self._crashes += 1
        facts = {name: getattr(why, name) for name in ("detail", "signal", "exit_code", "last_frame", "log_tail", "template")}
        report = ReportCrash(kind=why.crash, part_id=self.work.part_id, epoch=self.work.epoch, **facts)
        await self.report(report, f"crash {self._crashes}")

    async def tick(self, frames: int, frame: int) -> None:
        """Say how far the drawing is; the engine speaks at the first frame and then four times a second."""
        if (ticks := self.tools.link.ticks) is not None:
            work = self.work
            tick = PartTick(
                part_id=work.part_id,
                subject_id=work.subject_id,
                tenant_id=work.tenant_id,
                node_name=self.tools.node_name,
                frames=frames,
                frame=frame,
            )
            await ticks.emit(tick, self.tools.node_id)

    @asynccontextmanager
    async def ask(self, request: protocol.Request, stall_seconds: float | None = None) -> AsyncIterator[AsyncIterator[protocol.Event]]:
        """Put a request to the engine and have its events; leaving early kills the engine. They raise EngineCrashed, TemplateRefused."""
        events = self.engine.run(request, stall_seconds=stall_seconds)
        async with aclosing(cast(AsyncGenerator[protocol.Event, None], events)):
            yield events


def failure_of(crash: EngineCrashed, template: str = "") -> PartFailed:
    """A crash as the part's end."""
    killed = killed_from_outside(crash)
    kind: CrashKind = "engine_crash" if killed else CRASHES.get(crash.kind, "engine_crash")
    detail = redact(crash.detail or str(crash))
    return PartFailed(
        "node.engine_killed" if killed else f"node.{kind}",
        detail,
        crash=kind,
        signal=crash.signal,
        exit_code=crash.exit_code,
        last_frame=crash.last_frame,
        log_tail=crash.log_tail[-LOG_TAIL:],
        template=template,
    )


def killed_from_outside(crash: EngineCrashed) -> bool:
    """Whether somebody else ended the engine (an operator, the kernel), which says nothing about what it worked on.

    An engine over its own limit ends by an error or SIGABRT; one that hangs is killed by us.
    """
    return crash.signal == KILL_SIGNAL and crash.kind in ("signal", "oom")
