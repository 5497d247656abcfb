"""Kind assemble: joins verified segments, lays the sound under them, uploads the export."""

from msgspec.structs import replace

from contracts.node import Manifest, ReportExport
from node_worker.encode.facts import ExportFacts, SegmentFile
from node_worker.engines import protocol
from node_worker.engines.base import TemplateRefused
from node_worker.engines.host import EngineCrashed
from node_worker.failures import PartFailed
from node_worker.log import warning
from node_worker.parts.part import Part, failure_of

DAMAGED, SEAM = "segment.damaged", "segment.seam"  # what node_worker.encode.assemble says, which is not loaded here
# Two attempts at a torn seam have each of its sides drawn again; what is still torn then is how the template draws, not a fault.
SEAM_ATTEMPTS = 2


async def assemble(part: Part, manifest: Manifest) -> None:
    """Do a part of kind assemble. Raises PartFailed, TemplateRefused, OSError."""
    missing = [track.file for track in manifest.audio if track.file not in manifest.files]
    if missing:
        raise PartFailed("node.manifest", f"no address for the sounds {', '.join(missing)}")
    try:
        facts, torn = await _fetch_and_join(part, manifest)
    except PartFailed as failure:
        failure.segment = failure.segment or next((one.key for one in manifest.segments if one.sha256 == failure.file), "")
        raise
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
        degraded=manifest.degraded or torn,
    )
    await part.report(report)


async def _fetch_and_join(part: Part, manifest: Manifest) -> tuple[ExportFacts, bool]:
    """Join; a file that was spoilt on this node's own disk is fetched once more. Answers whether a seam stayed torn."""
    addresses = {**manifest.files, **{segment.sha256: segment.get_url for segment in manifest.segments}}
    torn = False
    for last in (False, True):
        try:
            async with part.tools.cache.use(addresses) as files:
                await part.take_engine()
                return await _join(part, manifest, files), torn
        except TemplateRefused as refused:
            at = refused.field.rpartition(".")[2]
            if refused.code not in (DAMAGED, SEAM) or not at.isdecimal():
                raise
            number = int(at)
            if refused.code == SEAM and part.work.epoch > SEAM_ATTEMPTS and not last:
                warning("a seam stays torn", part=part.work.part_id, detail=refused.detail)
                manifest, torn = _without_edges(manifest), True
                continue
            part.tools.cache.distrust(manifest.segments[number].sha256)
            if last or refused.code == SEAM:
                # By turns, as either side of a seam may be the wrong one.
                wrong = number - (part.work.epoch % 2 if refused.code == SEAM else 0)
                raise PartFailed(
                    f"node.{refused.code.replace('.', '_')}", refused.detail, segment=manifest.segments[wrong].key
                ) from refused
        finally:
            part.release_engine()
    raise AssertionError("the last attempt returns or raises")


def _without_edges(manifest: Manifest) -> Manifest:
    return replace(manifest, segments=tuple(replace(one, before="", last="") for one in manifest.segments))


async def _join(part: Part, manifest: Manifest, files: dict[str, str]) -> ExportFacts:
    request = protocol.Assemble(
        segments=tuple(
            SegmentFile(path=files[one.sha256], sha256=one.sha256, frames=one.frames, before=one.before, last=one.last)
            for one in manifest.segments
        ),
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
