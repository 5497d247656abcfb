"""An engine of coloured stripes for tests of the node: real pixels, and scenes that misbehave by their name.

A scene named "held" all but stops after its first second for as long as the file of `HOLD` is there: a test has the time it needs.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from contracts.spec import ScannedScene, ScanResult, SceneSpec, Warning
from node_worker.engines.base import Files, Pixels, TemplateRefused
from node_worker.inspect import inspection

HOLD = "STRIPED_HOLD"  # in the environment: a path
BROKEN = "STRIPED_BROKEN"  # the same: while it is there, the engine does not start
HELD = 0.5  # seconds for a frame meanwhile; not for ever, as what was drawn is handed out between two frames


def seeing(name: str, path: Path) -> dict[str, Any]:
    """What a node's Tuning has to say, so that its engines see a file in a folder that is there for nothing else."""
    path.parent.chmod(0o755)
    return {"engine_environment": {name: str(path)}, "engine_reads": (str(path.parent),)}


class StripedScene:
    """Stripes that move with time; what its name says happens at 0.5 seconds of its source."""

    warnings = (Warning(code="font.missing", detail="Nowhere Sans"),)

    computed = False

    def __init__(self, name: str, bundle: Path) -> None:
        self.name, self.bundle, self.draws = name, bundle, 0

    def draw(self, seconds: float, into: Pixels) -> None:
        width = into.shape[1]
        into[..., 3] = 255
        into[..., :3] = (np.arange(width)[None, :, None] * 255 // width).astype(np.uint8)
        into[:, int(seconds * 20) % width, :3] = (250, 20, 40)
        self.draws += 1
        if self.name == "remembers":
            into[0, 0, 0] = self.draws
        if "slow" in self.name:
            time.sleep(0.03)
        if self.name == "held" and seconds >= 1.0:
            self.wait(Path(os.environ[HOLD]))
        if seconds >= 0.5:
            self.misbehave()

    def wait(self, hold: Path) -> None:
        until = time.monotonic() + HELD
        while hold.exists() and time.monotonic() < until:
            time.sleep(0.01)

    def misbehave(self) -> None:
        if self.name == "crash_always":
            print("dying on purpose", flush=True)
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.name == "hang":
            time.sleep(3600)

    def close(self) -> None:
        """Nothing to give back."""


class StripedEngine:
    """Opens a StripedScene; its template may be any file, which has to be there."""

    name, build = "striped", "striped 1"

    def __init__(self) -> None:
        if BROKEN in os.environ and Path(os.environ[BROKEN]).exists():
            raise SystemExit("this engine is broken on purpose")

    def scan(self, template: Path, work: Path) -> ScanResult:
        if b"hang" in template.read_bytes():
            while True:
                pass
        scene = ScannedScene(key="one", title="One", width=64, height=48, rate=10, duration=3, digest="0" * 64)
        return ScanResult(format="lottie-json", scenes=(scene,))

    def open(
        self, spec: SceneSpec, files: Files, size: tuple[int, int], background: str, fonts: tuple[str, ...], *timing: object
    ) -> StripedScene:
        if spec.scene == "refused":
            raise TemplateRefused("template.broken", "the scene cannot be read", "scenes[0]")
        files.path(spec.bundle).read_bytes()
        return StripedScene(spec.scene, files.path(spec.bundle))


class LyingEngine(StripedEngine):
    """Was taken over by the file that it scans, and has the process say that it opened another."""

    def scan(self, template: Path, work: Path) -> ScanResult:
        told = inspection.Inspection
        inspection.Inspection = lambda **facts: told(**{**facts, "sha256": "1" * 64, "bytes": 1})
        return super().scan(template, work)
