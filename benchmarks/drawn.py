"""Frames of a document as a node draws them: uploaded, prepared and drawn by an engine process in its cage."""

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import msgspec
from PIL import Image

import node_worker
from contracts.spec import ScannedScene, SceneSpec, Warning
from node_worker.engines import protocol
from node_worker.engines.base import Files, TemplateRefused
from node_worker.engines.host import EngineCrashed, EngineProcess

CODE = Path(node_worker.__file__).parents[1]
STALL = 20.0  # seconds without a word that are a hang


class Drawn(msgspec.Struct, kw_only=True):
    """What became of a document; a picture is None where there is none."""

    pictures: list[Image.Image | None]
    uploaded: list[Warning] = []  # told when it is uploaded
    drawing: list[Warning] = []  # told when it is drawn
    error: str = ""  # why it, or a frame of it, is not drawn


class Node:
    """An engine process that is asked for one document after the other."""

    def __init__(self, folder: Path, fonts: Sequence[Path]) -> None:
        self._folder = folder
        self._fonts = {hashlib.sha256(path.read_bytes()).hexdigest(): str(path) for path in fonts}
        # The code is that of where this runs, whatever is installed.
        self._engine = EngineProcess(stall_seconds=STALL, environment={"PYTHONPATH": str(CODE)}, reads=(str(CODE),))

    async def draw(self, path: Path, frames: Sequence[int], size: tuple[int, int]) -> Drawn:
        """Upload a document and draw frames of its first scene, counted at its own rate."""
        drawn = Drawn(pictures=[None] * len(frames))
        try:
            scene = await self._inspected(path, drawn)
            for number, frame in enumerate(frames):
                drawn.pictures[number] = await self._picture(path, scene, frame, size, drawn)
        except TemplateRefused as refused:
            drawn.error = f"refused: {refused}"[:300]
        except EngineCrashed as crash:
            drawn.error = f"{crash} {crash.log_tail[-300:]}"
        return drawn

    async def _inspected(self, path: Path, drawn: Drawn) -> ScannedScene:
        scan = None
        async for event in self._engine.run(protocol.Inspect(path=str(path), work=str(self._folder / "work"))):
            if isinstance(event, protocol.Inspected):
                scan = event.inspection.scan
        if scan is None:
            raise TemplateRefused("file.kind", "It is no template.")
        drawn.uploaded = [*scan.warnings, *scan.scenes[0].warnings]
        return scan.scenes[0]

    async def _picture(self, path: Path, scene: ScannedScene, frame: int, size: tuple[int, int], drawn: Drawn) -> Image.Image:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        rate = Fraction(scene.rate).limit_denominator(10_000)
        spec = SceneSpec(scene=scene.key, bundle=digest, digest=scene.digest, frames=1, duration=scene.duration)
        output = self._folder / "frame.png"
        request = protocol.DrawPicture(
            spec=spec,
            files=Files({digest: str(path), **self._fonts}, str(self._folder)),
            width=size[0],
            height=size[1],
            rate_num=rate.numerator,
            rate_den=rate.denominator,
            background="#FFFFFF",
            fonts=tuple(self._fonts),
            frame=frame,
            output=str(output),
        )
        async for event in self._engine.run(request):
            if isinstance(event, protocol.Warned) and event.warning not in drawn.drawing:
                drawn.drawing.append(event.warning)
        with Image.open(output) as picture:
            return picture.convert("RGB")

    async def close(self) -> None:
        """End the engine."""
        await self._engine.close()
