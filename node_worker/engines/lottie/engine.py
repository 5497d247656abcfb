"""The engine for Lottie and .lottie templates."""

import platform
from pathlib import Path

import icu
import uharfbuzz as hb

from contracts.spec import ScanResult, SceneSpec
from node_worker.engines.base import Files, TemplateRefused
from node_worker.engines.lottie import tvg
from node_worker.engines.lottie.bundle import open_bundle, read_document
from node_worker.engines.lottie.colours import parse_colour
from node_worker.engines.lottie.prepare import Values, prepare
from node_worker.engines.lottie.scan import scan
from node_worker.engines.lottie.scene import LottieScene
from node_worker.engines.lottie.text.faces import packaged_digest
from node_worker.engines.lottie.text.fonts import Library

_REVISION = 1  # raise it with every change here that changes a pixel
_MAX_SIDE = 8192  # pixels of a video's side


class LottieEngine:
    """Draws Lottie with ThorVG, texts shaped by HarfBuzz; see base.Engine."""

    name = "lottie"

    def __init__(self) -> None:
        versions = f"thorvg-{tvg.version()}+{_REVISION};harfbuzz-{hb.version_string()};icu-{icu.ICU_VERSION};fonts-{packaged_digest()[:16]}"
        self.build = f"{versions};{platform.machine().lower()}"

    def scan(self, template: Path, work: Path) -> ScanResult:
        """Open an uploaded template. Raises TemplateRefused."""
        return scan(template, work)

    def open(
        self, spec: SceneSpec, files: Files, size: tuple[int, int], background: str, fonts: tuple[str, ...], *, plain: bool = False
    ) -> LottieScene:
        """Prepare a scene for pictures of `size` (width, height); `plain` strips expressions. Raises TemplateRefused."""
        if not all(1 <= side <= _MAX_SIDE for side in size):
            raise TemplateRefused("render.bad_size", f"A picture's sides must measure 1 to {_MAX_SIDE} pixels.", "size")
        behind = parse_colour(background, "background")
        bundle = open_bundle(files.path(spec.bundle), Path(files.work), spec.bundle)
        animation = bundle.animation(spec.scene)
        values = Values(
            spec.texts, {key: files.path(sha256) for key, sha256 in spec.pictures.items()}, spec.colours, spec.fits, spec.directions
        )
        library = Library(bundle.fonts, [files.path(sha256) for sha256 in fonts])
        prepared = prepare(read_document(animation), animation, bundle, values, library, plain=plain)
        return LottieScene(prepared, size, behind)
