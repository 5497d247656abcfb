"""Kind snapshot: draws one frame of a scene, uploads it and reports; it waits behind no long render."""

from contracts.node import Manifest, ReportSnapshot
from contracts.spec import Warning
from node_worker.engines import protocol
from node_worker.engines.base import Files
from node_worker.engines.host import EngineCrashed
from node_worker.failures import PartFailed
from node_worker.parts.draw import Tries, check, told
from node_worker.parts.part import Part, failure_of

STALL_SECONDS = 10.0  # without a sign of life while one frame is drawn


async def snapshot(part: Part, manifest: Manifest) -> None:
    """Do a part of kind snapshot. Raises PartFailed, TemplateRefused, OSError."""
    if len(manifest.scenes) != 1:
        raise PartFailed("node.manifest", f"a snapshot is of one scene, the manifest has {len(manifest.scenes)}")
    check(manifest)
    async with part.tools.cache.use(manifest.files) as files:
        await part.take_engine(short=True)
        done, warnings = await _drawn(part, manifest, Files(objects=files))
    part.release_engine()
    await part.tools.transfers.upload(part.folder / "picture.png", manifest.put_url, "image/png")
    report = ReportSnapshot(
        part_id=part.work.part_id,
        epoch=part.work.epoch,
        object_key=manifest.object_key,
        sha256=done.sha256,
        bytes=done.bytes,
        warnings=warnings,
    )
    await part.report(report)


async def _drawn(part: Part, manifest: Manifest, files: Files) -> tuple[protocol.PictureDone, tuple[Warning, ...]]:
    """The picture, tried again where an engine ends for nothing, and what will not look as meant in it."""
    scene = manifest.scenes[0].spec
    tries = Tries(part.tools.cache.shrink)
    while True:
        request = protocol.DrawPicture(
            spec=scene,
            files=files,
            width=manifest.width,
            height=manifest.height,
            rate_num=manifest.rate_num,
            rate_den=manifest.rate_den,
            background=manifest.background,
            fonts=manifest.fonts,
            frame=manifest.frame,
            output=str(part.folder / "picture.png"),
        )
        try:
            return await _ask(part, request)
        except EngineCrashed as crash:
            if not tries.again(crash):
                raise failure_of(crash, scene.bundle) from crash
            await part.crashed(crash, scene.bundle)


async def _ask(part: Part, request: protocol.DrawPicture) -> tuple[protocol.PictureDone, tuple[Warning, ...]]:
    done: protocol.PictureDone | None = None
    warnings: list[Warning] = []
    async with part.ask(request, STALL_SECONDS) as events:
        async for event in events:
            if isinstance(event, protocol.PictureDone):
                done = event
            elif isinstance(event, protocol.Warned):
                warnings.append(event.warning)
    if done is None:
        raise EngineCrashed("error", detail="the engine ended a picture without a result")
    return done, told(warnings, request.spec.scene)
