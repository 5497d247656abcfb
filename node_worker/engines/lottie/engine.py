"""The engine for Lottie and .lottie templates."""

import platform
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import icu
import msgspec
import uharfbuzz as hb

from contracts.spec import ScanResult, SceneSpec, exactly
from node_worker.engines.base import ANY_TIME, Files, TemplateRefused, Timing, nothing
from node_worker.engines.lottie import tvg
from node_worker.engines.lottie.bundle import open_bundle, read_document
from node_worker.engines.lottie.colours import parse_colour
from node_worker.engines.lottie.expressions import bake
from node_worker.engines.lottie.prepare import Prepared, Values, prepare
from node_worker.engines.lottie.scan import scan
from node_worker.engines.lottie.scene import LottieScene
from node_worker.engines.lottie.text.faces import packaged_digest
from node_worker.engines.lottie.text.fonts import Library

_REVISION = 2  # raise it with every change here that changes a pixel
_MAX_SIDE = 8192  # pixels of a video's side
_KEPT, _KEPT_BYTES = 4, 64 << 20  # documents whose expressions were evaluated, for the next part


class LottieEngine:
    """Draws Lottie with ThorVG, texts shaped by HarfBuzz; see base.Engine."""

    name = "lottie"

    def __init__(self) -> None:
        drawing = f"thorvg-{tvg.version()}+{_REVISION};{bake.BUILD}"
        texts = f"harfbuzz-{hb.version_string()};icu-{icu.ICU_VERSION};fonts-{packaged_digest()[:16]}"
        self.build = f"{drawing};{texts};{platform.machine().lower()}"
        self._prepared: OrderedDict[bytes, Prepared] = OrderedDict()

    def scan(self, template: Path, work: Path) -> ScanResult:
        """Open an uploaded template. Raises TemplateRefused."""
        return scan(template, work)

    def open(
        self,
        spec: SceneSpec,
        files: Files,
        size: tuple[int, int],
        background: str,
        fonts: tuple[str, ...],
        timing: Timing = ANY_TIME,
        alive: Callable[[], None] = nothing,
    ) -> LottieScene:
        """Prepare a scene for pictures of `size` (width, height) at the moments of `timing`. Raises TemplateRefused."""
        if not all(1 <= side <= _MAX_SIDE for side in size):
            raise TemplateRefused("render.bad_size", f"A picture's sides must measure 1 to {_MAX_SIDE} pixels.", "size")
        behind = parse_colour(background, "background")
        key = msgspec.json.encode((spec, fonts, size, str(timing.rate), timing.second), order="deterministic")
        prepared = self._prepared.pop(key, None) or self._prepare(spec, files, size, fonts, timing, alive)
        if prepared.computed:
            self._keep(key, prepared)
        return LottieScene(prepared, size, behind)

    def _prepare(
        self, spec: SceneSpec, files: Files, size: tuple[int, int], fonts: tuple[str, ...], timing: Timing, alive: Callable[[], None]
    ) -> Prepared:
        bundle = open_bundle(files.path(spec.bundle), Path(files.work), spec.bundle)
        animation = bundle.animation(spec.scene)
        values = Values(
            spec.texts, {key: files.path(sha256) for key, sha256 in spec.pictures.items()}, spec.colours, spec.fits, spec.directions
        )
        library = Library(bundle.fonts, [files.path(sha256) for sha256 in fonts])
        moments = bake.Moments(timing.rate, exactly(spec.speed), timing.second)
        return prepare(read_document(animation), animation, bundle, values, library, moments, alive, size=size)

    def _keep(self, key: bytes, prepared: Prepared) -> None:
        """Keep a document whose making took long, as far as there is room."""
        self._prepared[key] = prepared
        while len(self._prepared) > _KEPT or sum(one.bytes for one in self._prepared.values()) > _KEPT_BYTES:
            self._prepared.popitem(last=False)
