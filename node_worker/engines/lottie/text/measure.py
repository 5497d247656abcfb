"""Measures texts before they are drawn, for expressions that place things by them."""

from collections.abc import Callable
from typing import Any

from node_worker.engines.lottie.guard import number
from node_worker.engines.lottie.text.fonts import Library, Wanted
from node_worker.engines.lottie.text.layers import FIELD, MEANT, READING, style_of, wanted_fonts
from node_worker.engines.lottie.text.layout import Layout, Style, lay_out

Document = dict[str, Any]
Box = tuple[float, float, float, float]  # left, top, right, bottom: pixels from the text's position
_ANCHOR = {1: 1.0, 2: 0.5, 4: 1.0, 5: 0.5}  # justification: which part of a line lies at the position


def measure_of(document: Document, library: Library) -> Callable[[Document], Box]:
    """What tells the room that the ink of a document's text takes, set as it will be drawn."""
    wanted = wanted_fonts(document)

    def measure(text: Document) -> Box:
        shown = text["t"] if isinstance(text.get("t"), str) else ""
        font = wanted.get(str(text.get("f"))) or Wanted(str(text.get("f") or ""))
        chain = library.chain(font, shown)
        style = style_of(text, shrink=FIELD in text, meant=text.get(MEANT), reading=text.get(READING))
        layout = lay_out(shown, chain, style)
        ascent = (font.ascent or chain.first.ascent) * style.size * layout.scale
        return _ink(layout, style, text, ascent)

    return measure


def _ink(layout: Layout, style: Style, text: Document, ascent: float) -> Box:
    scale = style.size * layout.scale / 100
    anchor = _ANCHOR.get(text["j"] if isinstance(text.get("j"), int) else 0, 0.0)
    left, base = 0.0, 0.0
    corner = text.get("ps")
    if style.width and isinstance(corner, list) and len(corner) >= 2:
        left, base = number(corner[0]) + anchor * style.width, number(corner[1]) + min(ascent, style.height)
    points = []
    for row, line in enumerate(layout.lines):
        at = left - anchor * line.width * scale
        down = base + row * style.line_height * layout.scale
        for cluster in line.clusters:
            for glyph in cluster.glyphs:
                x, y = at + (cluster.x + glyph.x * cluster.scale) * scale, down + glyph.y * cluster.scale * scale
                size = cluster.scale * scale
                points += [(x + a * size, y + b * size) for contour in glyph.face.outline(glyph.number) for a, b in contour.points]
    if not points:
        return (0.0, 0.0, 0.0, 0.0)
    across, along = [x for x, _ in points], [y for _, y in points]
    return (round(min(across), 3), round(min(along), 3), round(max(across), 3), round(max(along), 3))
