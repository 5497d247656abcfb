"""The parts that a node holds: accepted, worked on one per slot, cancelled, ended with a report."""

import asyncio
import shutil
import traceback
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec

from contracts.envelope import Envelope
from contracts.node import DrawPart, Manifest
from contracts.render.parts import PartKind
from node_worker.engines.base import TemplateRefused
from node_worker.failures import PartFailed, disk_full
from node_worker.log import error, info
from node_worker.parts.assembly import assemble
from node_worker.parts.draw import draw
from node_worker.parts.inspection import inspect
from node_worker.parts.part import Part, Tools
from node_worker.parts.snapshot import snapshot

KINDS: dict[PartKind, Callable[[Part, Manifest], Awaitable[None]]] = {
    "render": draw,
    "inspect": inspect,
    "snapshot": snapshot,
    "assemble": assemble,
}
REMEMBERED = 1000  # ended parts whose work, delivered once more, is not done again


class Held(msgspec.Struct):
    """A part that the runner holds."""

    epoch: int
    task: asyncio.Task[None]


class PartRunner:
    """Takes parts and sees to their end; `changed` is called when one comes or goes."""

    def __init__(self, tools: Tools, changed: Callable[[], None]) -> None:
        self._tools, self._changed = tools, changed
        self._held: dict[UUID, Held] = {}
        self._ended: OrderedDict[tuple[UUID, int], None] = OrderedDict()
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def parts(self) -> tuple[UUID, ...]:
        """The parts that are worked on or wait for a slot."""
        return tuple(self._held)

    def accept(self, work: DrawPart, envelope: Envelope) -> None:
        """Begin a part, unless it is known; a newer epoch replaces an older one."""
        held = self._held.get(work.part_id)
        if (held and held.epoch >= work.epoch) or (work.part_id, work.epoch) in self._ended:
            info("part is known already", part=work.part_id, epoch=work.epoch)
            return
        if held:
            self.cancel(work.part_id, "a newer epoch")
        info("part taken", part=work.part_id, kind=work.kind, epoch=work.epoch)
        self._held[work.part_id] = Held(work.epoch, asyncio.create_task(self._run(work, envelope), name=f"part {work.part_id}"))
        self._changed()

    def cancel(self, part_id: UUID, reason: str) -> None:
        """Drop a part; its engine is killed as soon as the loop comes round to its task."""
        if (held := self._held.pop(part_id, None)) is None:
            return
        info("part dropped", part=part_id, reason=reason)
        held.task.cancel()
        self._leaving.add(held.task)
        held.task.add_done_callback(self._leaving.discard)
        self._changed()

    async def drop_all(self, reason: str) -> None:
        """Drop every part and wait until each is gone."""
        for part_id in self.parts:
            self.cancel(part_id, reason)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def _run(self, work: DrawPart, envelope: Envelope) -> None:
        part = Part(work, envelope, self._tools)
        try:
            why = await self._attempt(part)
            if why is not None:
                await part.fail(why)
            else:
                info("part done", part=work.part_id)
        finally:
            part.release_engine()
            shutil.rmtree(part.folder, ignore_errors=True)
            held = self._held.get(work.part_id)
            if held is not None and held.task is asyncio.current_task():
                del self._held[work.part_id]
                self._remember(work)
            self._changed()

    async def _attempt(self, part: Part) -> PartFailed | None:
        """Do the part; whatever stops it becomes the failure that is reported."""
        try:
            part.folder.mkdir(parents=True)
            await KINDS[part.work.kind](part, await part.manifest())
        except PartFailed as failure:
            return failure
        except TemplateRefused as refused:
            return PartFailed(refused.code, refused.detail, field=refused.field)
        except Exception as problem:
            if disk_full(problem):
                return PartFailed("node.out_of_disk", str(problem), crash="out_of_disk")
            error("part stopped by a mistake of the node", problem, part=part.work.part_id)
            return PartFailed("node.internal", repr(problem), log_tail="".join(traceback.format_exception(problem)))
        return None

    def _remember(self, work: DrawPart) -> None:
        self._ended[work.part_id, work.epoch] = None
        while len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)
