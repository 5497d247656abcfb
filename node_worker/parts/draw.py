"""Kind render: draws a run of segments scene by scene; each is uploaded and reported while the next is drawn."""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from contracts.node import LONGEST_WARNING, MOST_WARNINGS, Manifest, ReportSegment, SceneTask, SegmentTask
from contracts.spec import SceneSpec, Warning
from node_worker.encode.facts import UNSTEADY, FinishedSegment
from node_worker.engines import protocol
from node_worker.engines.base import Files
from node_worker.engines.host import EngineCrashed
from node_worker.failures import PartFailed, main_cause
from node_worker.log import warning
from node_worker.parts.part import Part, failure_of, killed_from_outside

UPLOADS = 3  # segments under way to the store before drawing waits
OF_VALUES = ("text.", "font.", "picture.")  # how codes begin whose cause may be a person's own values
KILLS = 3  # of an engine from outside that a scene survives on one node
REDRAWS = 1  # of a segment that does not decode to what was drawn


async def draw(part: Part, manifest: Manifest) -> None:
    """Do a part of kind render. Raises PartFailed, TemplateRefused, OSError."""
    check(manifest)
    async with part.tools.cache.use(manifest.files) as files:
        objects = Files(objects=files)
        failure: Exception | None = None
        await part.take_engine()
        try:
            async with asyncio.TaskGroup() as uploads:
                drawing = Drawing(part, manifest, objects, uploads)
                try:
                    for position, scene in enumerate(manifest.scenes):
                        await drawing.scene(position, scene)
                except Exception as error:  # what was drawn before is still uploaded and reported; then the part fails with this
                    failure = error
                part.release_engine()
        except BaseExceptionGroup as failures:
            raise main_cause(failures) from None
        if failure is not None:
            raise failure


def check(manifest: Manifest) -> None:
    """Refuse a manifest that contradicts itself, before anything is fetched. Raises PartFailed."""
    needed = set(manifest.fonts)
    for scene in manifest.scenes:
        needed |= {scene.spec.bundle, *scene.spec.pictures.values()}
        if len({segment.key for segment in scene.segments}) < len(scene.segments):
            raise PartFailed("node.manifest", f"two segments of scene {scene.spec.scene!r} have the same key")
    if missing := needed - set(manifest.files):
        raise PartFailed("node.manifest", f"no address for the files {', '.join(sorted(missing))}")


def told(warnings: Iterable[Warning], scene: str) -> tuple[Warning, ...]:
    """Warnings of a scene as far as a report has room for them, those first that a person's own values may have caused."""
    first = sorted(warnings, key=lambda one: not one.code.startswith(OF_VALUES))[:MOST_WARNINGS]
    most = LONGEST_WARNING
    return tuple(msgspec.structs.replace(one, detail=one.detail[:most], element=one.element[:most], scene=scene) for one in first)


def again(segment: SegmentTask, epoch: int, share: float) -> tuple[int, ...]:
    """The frames of a segment that are drawn a second time, counted from the scene's start; others with each epoch."""
    count = min(segment.count, math.ceil(segment.count * share - 1e-9))
    frames = range(segment.first, segment.first + segment.count)
    return tuple(sorted(sorted(frames, key=lambda frame: hashlib.sha256(f"{segment.key} {epoch} {frame}".encode()).digest())[:count]))


class Tries:
    """How often a scene is tried again after a crash: often while it was not to blame, once when it was."""

    def __init__(self, free_disk: Callable[[], int]) -> None:
        self._free_disk = free_disk
        self._killed = 0
        self._cleared = False
        self._crashed = False

    def again(self, crash: EngineCrashed) -> bool:
        """Whether, after this crash, another try is worth it: some depend on what lay in memory."""
        if killed_from_outside(crash):  # says nothing about the template
            self._killed += 1
            return self._killed <= KILLS
        if crash.kind == "disk_full":
            cleared, self._cleared = self._cleared, True
            return not cleared and bool(self._free_disk())
        crashed, self._crashed = self._crashed, True
        return not crashed


class Drawing:
    """The drawing of one part."""

    def __init__(self, part: Part, manifest: Manifest, files: Files, uploads: asyncio.TaskGroup) -> None:
        self._part, self._manifest, self._files, self._uploads = part, manifest, files, uploads
        self._gate = asyncio.Semaphore(UPLOADS)
        self._frames = 0  # of verified segments
        self._unsteady: int | None = None  # a frame, counted from its scene's start, that was another picture the second time

    async def scene(self, position: int, scene: SceneTask) -> None:
        """Draw a scene's segments until all are verified. Raises PartFailed, TemplateRefused."""
        left = {segment.key: segment for segment in scene.segments}
        tries, redraws, self._unsteady = Tries(self._part.tools.cache.shrink), 0, None
        while left:
            try:
                await self._attempt(position, scene, left)
            except EngineCrashed as crash:
                if not tries.again(crash):
                    raise failure_of(crash, scene.spec.bundle) from crash
                await self._part.crashed(crash, scene.spec.bundle)
                continue
            if left:
                redraws += 1
                await self._redraw(redraws, left, scene.spec)
                await self._part.engine.kill()

    async def _redraw(self, redraws: int, left: dict[str, SegmentTask], spec: SceneSpec) -> None:
        keys = ", ".join(left)
        if self._unsteady is not None:
            what = f"frame {self._unsteady} of scene {spec.scene!r} was another picture when it was drawn a second time"
            crash, self._unsteady = EngineCrashed("unsteady", last_frame=self._unsteady, detail=what), None
            if redraws > REDRAWS:
                raise failure_of(crash, spec.bundle)
            await self._part.crashed(crash, spec.bundle)
            return
        if redraws > REDRAWS:
            raise PartFailed("node.segment_unverified", f"these segments did not decode to what was drawn, {redraws} times: {keys}")
        warning("segments are drawn again", part=self._part.work.part_id, keys=keys)

    async def _attempt(self, position: int, scene: SceneTask, left: dict[str, SegmentTask]) -> None:
        """Draw what is left once; verified segments leave `left`."""
        base, begun = self._frames, time.monotonic()
        warnings: list[Warning] = []
        untold = True
        async with self._part.ask(self._request(position, scene, left)) as events:
            async for event in events:
                match event:
                    case protocol.Frame():
                        await self._part.tick(base + event.count, scene.frame_offset + event.frame)
                    case protocol.Warned():
                        warnings.append(event.warning)
                    case protocol.SegmentDone(segment=segment):
                        seconds, begun = time.monotonic() - begun, time.monotonic()
                        if segment.check.reason == UNSTEADY:
                            self._unsteady = left[segment.key].first + segment.check.frame
                        if self._good(segment):
                            self._frames += segment.frames
                            task = left.pop(segment.key)
                            await self._gate.acquire()
                            # Other renders that take up what is drawn here begin a scene with its first segment too.
                            news = told(warnings, scene.spec.scene) if untold or not task.first else ()
                            untold = False
                            self._uploads.create_task(self._hand_over(task, segment, seconds, news))

    def _good(self, segment: FinishedSegment) -> bool:
        check = segment.check
        if not check.ok:
            warning("segment is not what was drawn", key=segment.key, reason=check.reason, frame=check.frame, difference=check.worst_mean)
        return check.ok

    async def _hand_over(self, task: SegmentTask, segment: FinishedSegment, seconds: float, warnings: tuple[Warning, ...]) -> None:
        """Upload a segment, keep it for an assembly on this node, report it."""
        part, path = self._part, Path(segment.path)
        try:
            await part.tools.transfers.upload(path, task.put_url, "video/mp4")
        finally:
            self._gate.release()
        part.tools.cache.adopt(segment.sha256, path)
        report = ReportSegment(
            part_id=part.work.part_id,
            epoch=part.work.epoch,
            key=segment.key,
            object_key=task.object_key,
            sha256=segment.sha256,
            bytes=segment.bytes,
            frames=segment.frames,
            difference=segment.check.worst_mean,
            seconds=round(seconds, 3),
            warnings=warnings,
            before=segment.before,
            last=segment.check.last,
        )
        await part.report(report, segment.key)

    def _request(self, position: int, scene: SceneTask, left: dict[str, SegmentTask]) -> protocol.DrawSegments:
        manifest = self._manifest
        tasks = tuple(
            protocol.SegmentTask(
                key=one.key,
                first=one.first,
                count=one.count,
                output=str(self._part.folder / f"{position}-{one.first}.mp4"),
                again=again(one, self._part.work.epoch, self._part.tools.twice),
            )
            for one in left.values()
        )
        return protocol.DrawSegments(
            spec=scene.spec,
            files=self._files,
            width=manifest.width,
            height=manifest.height,
            rate_num=manifest.rate_num,
            rate_den=manifest.rate_den,
            quality=manifest.quality,
            background=manifest.background,
            segments=tasks,
            fonts=manifest.fonts,
        )
