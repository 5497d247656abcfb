"""Draws a rebuilt SVG with the engine's library."""

import ctypes

import msgspec
import numpy as np
from PIL import Image

from node_worker.engines.base import TemplateRefused
from node_worker.pictures.formats import check_size

_LARGEST = 4096  # pixels of a drawing's side, unless a place asks for more
_STRAIGHT = 2  # bytes R, G, B, A, not premultiplied


class Drawing(msgspec.Struct, frozen=True):
    """A document that holds only what was rebuilt, its size in pixels, and what of the original is not in it."""

    document: bytes
    size: tuple[float, float]
    missing: tuple[str, ...] = ()

    @property
    def natural(self) -> float:
        """The scale in which it is drawn where nobody asks for another: its own, if that is not huge."""
        return min(1.0, _LARGEST / max(self.size))

    @property
    def pixels(self) -> tuple[int, int]:
        """The size in whole pixels in its natural scale."""
        return max(1, round(self.size[0] * self.natural)), max(1, round(self.size[1] * self.natural))

    def draw(self, scale: tuple[float, float], field: str) -> Image.Image:
        """Draw it, so many times as wide and high, in RGBA. Raises TemplateRefused if that is too large, or cannot be drawn."""
        # The engine's package imports this one, and measuring a drawing needs no library.
        from node_worker.engines.lottie.tvg import library

        width, height = (max(1, round(side * by)) for side, by in zip(self.size, scale, strict=True))
        check_size(width, height, field)
        pixels = np.zeros((height, width, 4), np.uint8)
        lib = library()
        picture, canvas = lib.tvg_picture_new(), lib.tvg_swcanvas_create(0)
        if lib.tvg_picture_load_data(picture, self.document, len(self.document), b"svg", b"", True):
            lib.tvg_paint_unref(picture, True)
            lib.tvg_canvas_destroy(canvas)
            raise TemplateRefused("picture.unreadable", "The SVG cannot be drawn; save it again as plain SVG, or as PNG.", field)
        try:
            lib.tvg_picture_set_size(picture, ctypes.c_float(width), ctypes.c_float(height))
            results = (
                lib.tvg_swcanvas_set_target(canvas, pixels.ctypes.data, width, width, height, _STRAIGHT),
                lib.tvg_canvas_add(canvas, picture),
                lib.tvg_canvas_update(canvas),
                lib.tvg_canvas_draw(canvas, True),
                lib.tvg_canvas_sync(canvas),
            )
        finally:
            lib.tvg_canvas_destroy(canvas)
        if any(results):
            raise RuntimeError(f"libthorvg could not draw an SVG (results {results})")
        return Image.fromarray(pixels)
