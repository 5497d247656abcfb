"""Where a placed text lies in its layer: for the edges of pictures, and for whoever asks how large a text is."""

import math
from typing import Any

from node_worker.engines.lottie.guard import number
from node_worker.engines.lottie.text.layout import Layout
from node_worker.engines.lottie.text.shaping import Cluster

Document = dict[str, Any]
Box = tuple[float, float, float, float]  # left, top, right, bottom
_ANCHORS: dict[float, float] = {1: 1.0, 2: 0.5}  # by the justification
_EMOJI = (0.0, -93.0, 124.0, 25.0)  # hundredths of an em: the box of a picture in colours, as Noto Color Emoji has it


def anchor_of(text: Document) -> float:
    """Which part of a line lies at the position of a text that is placed: 0 its left end, 1 its right end."""
    return _ANCHORS.get(number(text.get("j")), 0.0)


def origins(text: Document, layout: Layout) -> list[tuple[float, float]]:
    """The left end of each line's base line in pixels of the layer; `text` is its document after it was placed."""
    em, leading = number(text.get("s")), number(text.get("lh"))
    corner = text.get("ps") or (0.0, 0.0)
    anchor = anchor_of(text)
    lift = number(text.get("ls"))
    lift = lift if math.isfinite(lift) else 0.0
    lines = enumerate(layout.lines)
    return [(corner[0] - anchor * line.width * em / 100, corner[1] + row * leading - lift) for row, line in lines]


def box_of(text: Document, layout: Layout) -> Box:
    """The box of a placed text's letters, as they are drawn, in pixels of the layer; flat where nothing is drawn."""
    unit = number(text.get("s")) / 100
    left, top, right, bottom = math.inf, math.inf, -math.inf, -math.inf
    for (x, y), line in zip(origins(text, layout), layout.lines, strict=True):
        for cluster in line.clusters:
            for box in _boxes(cluster):
                left, top = min(left, x + box[0] * unit), min(top, y + box[1] * unit)
                right, bottom = max(right, x + box[2] * unit), max(bottom, y + box[3] * unit)
    return (left, top, right, bottom) if left <= right else (0.0, 0.0, 0.0, 0.0)


def _boxes(cluster: Cluster) -> list[Box]:
    """The boxes of a cluster's glyphs on its line, in hundredths of an em."""
    found = []
    for glyph in cluster.glyphs:
        x, y, scale = cluster.x + glyph.x * cluster.scale, glyph.y * cluster.scale, cluster.scale
        left, top, right, bottom = _EMOJI if cluster.coloured else glyph.face.box(glyph.number)
        found.append((x + left * scale, y + top * scale, x + right * scale, y + bottom * scale))
    return found
