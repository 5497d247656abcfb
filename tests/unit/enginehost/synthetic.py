"""An engine without templates: moving rectangles, and scenes that crash, hang, eat memory or are refused, by their name."""

import ctypes
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from contracts.spec import ScannedScene, ScanResult, SceneSpec, Warning
from node_worker.engines.base import Files, Pixels, TemplateRefused

SHORT: dict[str, Exception] = {
    "refused when fresh": TemplateRefused("template.slow", "it takes too long"),
    "short of memory when fresh": MemoryError(),
    "short of disk when fresh": OSError(28, "no space left"),
}


class SyntheticScene:
    """A gradient with a block that moves to the right; misbehaves at the second that its name tells."""

    computed = False

    def __init__(self, name: str, size: tuple[int, int]) -> None:
        self.warnings = (Warning(code="font.missing", detail="Nowhere Sans"),) if name == "warned" else ()
        self.name, self.draws = name, 0
        width, height = size
        y, x = np.mgrid[0:height, 0:width]
        self.base = np.empty((height, width, 4), np.uint8)
        self.base[..., 0], self.base[..., 1], self.base[..., 2], self.base[..., 3] = x * 255 // width, y * 255 // height, 90, 255

    def draw(self, seconds: float, into: Pixels) -> None:
        height, width = into.shape[:2]
        into[...] = self.base
        left = int(seconds * width / 5) % (width - width // 5)
        into[height // 4 : height // 2, left : left + width // 5, :3] = (200, 30, 60)
        self.draws += 1
        if self.name == "remembers":
            into[0, 0, 0] = self.draws
        if self.name == "asks for a socket":
            into[0, 0, 0] = opened()
        if self.name == "crashes when fresh" and self.draws == 1 and seconds > 0:
            ctypes.string_at(0)
        if self.name == "dies late when fresh" and self.draws < 5 and 1.2 < seconds < 1.5:
            ctypes.string_at(0)
        if self.name == "is killed when fresh" and self.draws == 1 and seconds > 0:
            os.kill(os.getpid(), 9)
        if seconds >= 0.5:
            self.misbehave()

    def misbehave(self) -> None:
        if self.name.startswith("children"):
            started = [subprocess.Popen(["sleep", "3600"], start_new_session=own) for own in (False, True)]
            print("children", *(one.pid for one in started), file=sys.stderr, flush=True)
            if self.name == "children, left":
                os._exit(7)
            time.sleep(3600)
        if self.name == "crash":
            print("about to read address zero", file=sys.stderr, flush=True)
            ctypes.string_at(0)
        if self.name == "hang":
            time.sleep(3600)
        if self.name == "exit":
            os._exit(7)
        if self.name == "oom":
            np.ones(1 << 34, np.uint8)
        if self.name == "error":
            raise RuntimeError("a fault of the engine")
        if self.name == "noisy":
            os.write(1, b'{"type": "done"}\n')
            print("printed by a library", flush=True)

    def close(self) -> None:
        pass


def opened() -> int:
    """1 where a socket can be had, 0 where the system refuses it."""
    try:
        socket.socket(socket.AF_UNIX).close()
    except OSError:
        return 0
    return 1


class SyntheticEngine:
    """Opens a SyntheticScene named by the spec's scene."""

    name = "synthetic"
    build = "synthetic 1"

    def __init__(self) -> None:
        self.opened = 0

    def scan(self, template: Path, work: Path) -> ScanResult:
        if b"slow" in template.read_bytes():
            time.sleep(0.8)
        if b"bad" in template.read_bytes():
            raise TemplateRefused("template.unreadable", "not a template")
        return ScanResult(
            format="lottie-json", scenes=(ScannedScene(key="one", title="One", width=64, height=36, rate=30.0, duration=2.0, digest="d"),)
        )

    def open(
        self, spec: SceneSpec, files: Files, size: tuple[int, int], background: str, fonts: tuple[str, ...], *timing: object
    ) -> SyntheticScene:
        self.opened += 1
        print(f"opened {spec.scene} {self.opened}", file=sys.stderr, flush=True)
        if spec.scene == "full disk":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        if spec.scene == "opens slowly":
            time.sleep(0.3)
            timing[1]()  # type: ignore[operator]  # tells that it is alive
        if spec.scene == "opens silently":
            time.sleep(0.8)
        if spec.scene in SHORT:
            raise SHORT[spec.scene]
        if spec.scene == "refused":
            raise TemplateRefused("scene.unknown", "no such scene", "scenes.0.scene")
        return SyntheticScene(spec.scene, size)
