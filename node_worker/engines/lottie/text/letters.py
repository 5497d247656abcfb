"""A text taken apart into letters that stand where they are drawn, for whatever moves them one by one.

A letter is what is drawn as one: a cluster of a shaped text. Lengths are in pixels of the text's layer, y downwards.
"""

from typing import Any

import msgspec

from node_worker.engines.lottie.guard import number
from node_worker.engines.lottie.text.layout import Layout
from node_worker.engines.lottie.text.measures import anchor_of
from node_worker.engines.lottie.text.shaping import Cluster, Glyph

Document = dict[str, Any]


class Letter(msgspec.Struct):
    """One letter: its paths begin at its left end on the base line, `left` tells where that lies on the line."""

    text: str
    line: int
    left: float
    width: float  # without tracking
    paths: list[Document]
    pictures: tuple[Glyph, ...] = ()  # in place of paths, for emoji

    @property
    def blank(self) -> bool:
        """Whether it is white space."""
        return not self.text.strip()


class Lettering(msgspec.Struct):
    """A text's letters in reading order, and what is common to them."""

    letters: list[Letter]
    lines: list[float]  # each one's width
    size: float
    line_height: float
    place: tuple[float, float]  # of the first line's anchor on its base line
    anchor: float  # which part of a line lies there: 0 its left end, 1 its right end


def lettering_of(layout: Layout, text: Document) -> Lettering:
    """The letters of a shaped text; `text` is its document as it is drawn."""
    size = float(text["s"])
    unit = size / 100
    letters, widths = [], []
    for row, line in enumerate(layout.lines):
        drawn = [cluster for cluster in line.clusters if cluster.space or cluster.glyphs]
        letters += [_letter(cluster, row, unit) for cluster in drawn]
        last = max(drawn, key=lambda cluster: cluster.x, default=None)
        widths.append((line.width - (last.tracking if last else 0.0)) * unit)
    return Lettering(letters, widths, size, float(text["lh"]), _pair(text.get("ps")), anchor_of(text))


def _letter(cluster: Cluster, line: int, unit: float) -> Letter:
    scale = cluster.scale * unit
    outlines = [] if cluster.coloured else [(glyph, contour) for glyph in cluster.glyphs for contour in glyph.face.outline(glyph.number)]
    paths = [contour.shape(glyph.x * scale, glyph.y * scale, scale) for glyph, contour in outlines]
    width = (cluster.advance - cluster.tracking) * unit
    return Letter(cluster.text, line, cluster.x * unit, width, paths, cluster.glyphs if cluster.coloured else ())


def _pair(value: object) -> tuple[float, float]:
    return (number(value[0], 0.0), number(value[1], 0.0)) if isinstance(value, list) and len(value) >= 2 else (0.0, 0.0)
