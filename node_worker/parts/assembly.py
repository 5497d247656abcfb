"""Kind assemble: joins verified segments, lays the sound under them, uploads the export."""

from contracts.node import Manifest, ReportExport
from node_worker.encode.facts import ExportFacts, SegmentFile
from node_worker.engines import protocol
from node_worker.engines.host import EngineCrashed
from node_worker.failures import PartFailed
from node_worker.parts.part import Part, failure_of


async def assemble(part: Part, manifest: Manifest) -> None:
    """Do a part of kind assemble. Raises PartFailed, TemplateRefused, OSError."""
    addresses = {**manifest.files, **{segment.sha256: segment.get_url for segment in manifest.segments}}
    missing = [track.file for track in manifest.audio if track.file not in manifest.files]
    if missing:
        raise PartFailed("node.manifest", f"no address for the sounds {', '.join(missing)}")
    async with part.tools.cache.use(addresses) as files:
        await part.take_engine()
        facts = await _join(part, manifest, files)
        part.release_engine()
    await part.tools.transfers.upload(part.folder / "export.mp4", manifest.put_url, "video/mp4")
    report = ReportExport(
        part_id=part.work.part_id,
        epoch=part.work.epoch,
        object_key=manifest.object_key,
        sha256=facts.sha256,
        bytes=facts.bytes,
        frames=facts.frames,
        duration=facts.duration,
        packets_sha256=facts.video_packets_sha256,
        degraded=manifest.degraded,
    )
    await part.report(report)


async def _join(part: Part, manifest: Manifest, files: dict[str, str]) -> ExportFacts:
    request = protocol.Assemble(
        segments=tuple(SegmentFile(path=files[one.sha256], sha256=one.sha256, frames=one.frames) for one in manifest.segments),
        output=str(part.folder / "export.mp4"),
        rate_num=manifest.rate_num,
        rate_den=manifest.rate_den,
        audio=manifest.audio,
        files={track.file: files[track.file] for track in manifest.audio},
    )
    for last in (False, True):
        try:
            return await _ask(part, request)
        except EngineCrashed as crash:
            if last or (crash.kind == "disk_full" and not part.tools.cache.shrink()):
                raise failure_of(crash) from crash
            await part.crashed(crash, "")
    raise AssertionError("the last attempt returns or raises")


async def _ask(part: Part, request: protocol.Assemble) -> ExportFacts:
    facts: ExportFacts | None = None
    async with part.ask(request) as events:
        async for event in events:
            if isinstance(event, protocol.Assembled):
                facts = event.facts
    if facts is None:
        raise EngineCrashed("error", detail="the engine ended an assembly without a result")
    return facts
