"""What every engine offers to the process that hosts it, and how it says no."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from contracts.spec import ScanResult, SceneSpec, Warning

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]
else:  # the daemon imports this module for its plain values and must not load numpy
    Pixels = Any  # (height, width, 4): R, G, B, A; opaque


class TemplateRefused(Exception):
    """The template or a value cannot be drawn; `code` and `field` tell a person what to change."""

    def __init__(self, code: str, detail: str, field: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.field = code, detail, field


class Files(msgspec.Struct, frozen=True):
    """Where the engine finds what a scene names: verified files on the node's own disk."""

    objects: dict[str, str]  # SHA-256 to path: bundles, pictures, fonts
    work: str = ""  # a folder for extracted bundles, kept between calls and keyed by SHA-256; the host gives one of the engine's own

    def path(self, sha256: str) -> Path:
        return Path(self.objects[sha256])


class Timing(msgspec.Struct, frozen=True):
    """When a scene will be drawn, for what is computed before: at a video's frames, or at one moment."""

    rate: Fraction | None = None  # frames a second; None stands for the document's own
    second: float | None = None  # of the source, where one picture is all that will be drawn


ANY_TIME = Timing()


def nothing() -> None:
    """Tell nobody."""


class Scene(Protocol):
    """A prepared scene that can be drawn at any moment, in any order, with the same result."""

    warnings: tuple[Warning, ...]
    computed: bool  # whether something in it was computed for its timing, so that it serves no other

    def draw(self, seconds: float, into: Pixels) -> None:
        """Draw the scene's picture at `seconds` of its source over the background."""

    def close(self) -> None: ...


class Engine(Protocol):
    """A way to turn a template's scene and values into pictures."""

    name: str
    build: str  # names every version that can change a pixel; part of the content key

    def scan(self, template: Path, work: Path) -> ScanResult:
        """Open an uploaded template. Raises TemplateRefused."""

    def open(
        self,
        spec: SceneSpec,
        files: Files,
        size: tuple[int, int],
        background: str,
        fonts: tuple[str, ...],
        timing: Timing = ANY_TIME,
        alive: Callable[[], None] = nothing,
    ) -> Scene:
        """Prepare a scene; `alive` is called now and then while that takes long. Raises TemplateRefused."""
