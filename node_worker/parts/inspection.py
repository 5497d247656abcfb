"""Kind inspect: downloads an uploaded file and has an engine process open it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from contracts.node import Manifest, ReportInspection
from node_worker.engines import protocol
from node_worker.engines.base import TemplateRefused
from node_worker.engines.host import EngineCrashed, EngineProcess
from node_worker.failures import DETAIL
from node_worker.inspect.facts import Inspection
from node_worker.parts.part import Part, failure_of, killed_from_outside
from node_worker.transfer import TooLarge

FILE_LIMIT = 2 << 30  # bytes of an uploaded file; file_mgr's own limit is lower
CPU_SECONDS = 4.0  # what opening a file may cost; by processor time, so that a busy machine refuses no file
WALL_SECONDS = 30.0
LOOK_EVERY = 0.25  # seconds


async def inspect(part: Part, manifest: Manifest) -> None:
    """Do a part of kind inspect. Raises PartFailed, OSError."""
    source = part.folder / "source"
    try:
        sha256, size = await part.tools.transfers.download(manifest.source_url, source, FILE_LIMIT)
    except TooLarge as error:
        await _refuse(part, "file.too_large", f"the file has {error}", "", 0)
        return
    await part.take_engine(short=True)
    request = protocol.Inspect(path=str(source), work=str(part.folder))
    for attempt in (1, 2):
        try:
            await _tell(part, manifest, await _open(part, request), sha256, size)
            return
        except TemplateRefused as refused:
            await _refuse(part, refused.code, refused.detail, sha256, size)
            return
        except EngineCrashed as crash:
            # A file that takes too long does so again; a death is tried once more, as it may have come from outside.
            hopeless = attempt == 2 or crash.kind == "hang"
            if crash.kind == "disk_full" or (hopeless and killed_from_outside(crash)):
                raise failure_of(crash, sha256) from crash
            await part.crashed(crash, sha256)
            if hopeless:
                await _refuse(part, *_verdict(crash), sha256, size)
                return


async def _open(part: Part, request: protocol.Inspect) -> Inspection:
    found: Inspection | None = None
    async with _processor_limit(part.engine) as used_up, part.ask(request, WALL_SECONDS) as events:
        try:
            async for event in events:
                if isinstance(event, protocol.Inspected):
                    found = event.inspection
        except EngineCrashed as crash:
            if used_up.is_set():
                detail = f"opening it took more than {CPU_SECONDS:.0f} s of processor time"
                raise EngineCrashed("hang", detail=detail, log_tail=crash.log_tail) from crash
            raise
    if found is None:
        raise EngineCrashed("error", detail="the engine ended an inspection without a result")
    return found


@asynccontextmanager
async def _processor_limit(engine: EngineProcess) -> AsyncIterator[asyncio.Event]:
    """Kill the engine when it has computed too long; the event tells that it was so."""
    used_up = asyncio.Event()

    async def watch() -> None:
        begun = engine.cpu_seconds()
        while engine.cpu_seconds() - begun < CPU_SECONDS:
            await asyncio.sleep(LOOK_EVERY)
        used_up.set()
        await engine.kill()

    watching = asyncio.create_task(watch())
    try:
        yield used_up
    finally:
        watching.cancel()


async def _tell(part: Part, manifest: Manifest, found: Inspection, sha256: str, size: int) -> None:
    """Report what was found; what a template holds goes to storage, as it may be larger than a message.

    Which bytes they were is ours to say: an engine that the file has taken over could claim those of another.
    """
    part.release_engine()
    if found.scan is not None:
        path = part.folder / "scan.json"
        path.write_bytes(msgspec.json.encode(found.scan))
        await part.tools.transfers.upload(path, manifest.put_url, "application/json")
    report = ReportInspection(
        part_id=part.work.part_id,
        epoch=part.work.epoch,
        kind=found.kind,
        sha256=sha256,
        bytes=size,
        width=found.width,
        height=found.height,
        duration=found.duration,
        scan_key=manifest.object_key if found.scan is not None else "",
    )
    await part.report(report)


async def _refuse(part: Part, code: str, detail: str, sha256: str, size: int) -> None:
    work = part.work
    await part.report(
        ReportInspection(
            part_id=work.part_id, epoch=work.epoch, kind="unknown", sha256=sha256, bytes=size, code=code, detail=detail[:DETAIL]
        )
    )


def _verdict(crash: EngineCrashed) -> tuple[str, str]:
    """Code and detail, for its owner, of a file that no engine could open."""
    match crash.kind:
        case "hang":
            return (
                "file.too_slow",
                f"The file cannot be used: {crash.detail or 'opening it did not end'}. Make it simpler and upload it again.",
            )
        case "oom":
            return (
                "file.too_demanding",
                "The file cannot be used: opening it needs more memory than allowed. Make it smaller and upload it again.",
            )
        case _:
            return (
                "file.crashes",
                "The file cannot be used: it makes the program that opens it crash. Save it again from its editor and upload that.",
            )
