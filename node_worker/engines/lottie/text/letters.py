"""A text taken apart into letters that stand where they are drawn, for whatever moves them one by one.

A letter is what is drawn as one: a cluster of a shaped text, or a character whose outline the document itself holds. Lengths are in
pixels of the text's layer, y downwards.
"""

import re
from typing import Any

import msgspec

from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.text.layout import Layout
from node_worker.engines.lottie.text.shaping import Cluster

Document = dict[str, Any]
_LINE_ENDS = re.compile(r"\r\n|[\r\n\x03]")
_AUTO_LEADING = 1.2  # of the size, as After Effects does


class Letter(msgspec.Struct):
    """One letter: its paths begin at its left end on the base line, `left` tells where that lies on the line."""

    text: str
    line: int
    left: float
    width: float  # without tracking
    paths: list[Document]

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


def of_layout(layout: Layout, text: Document, tracking: float) -> Lettering:
    """The letters of a shaped text; `text` is its document as it is drawn, `tracking` is in pixels."""
    size = float(text["s"])
    unit = size / 100
    letters = [
        Letter(cluster.text, number_, cluster.x * unit, max(0.0, cluster.advance * unit - tracking), _shapes(cluster, unit))
        for number_, line in enumerate(layout.lines)
        for cluster in line.clusters
        if cluster.space or cluster.glyphs
    ]
    widths = [line.width * unit for line in layout.lines]
    return Lettering(letters, widths, size, float(text["lh"]), _pair(text.get("ps")), _anchor(text))


def of_characters(text: Document, chars: dict[str, Document], ascent: float) -> Lettering:
    """The letters of a text that is drawn by the document's own outlines, set as lottie-web sets them (TextProperty).

    `ascent` is the font's, in ems: a text in a box hangs from the box's upper edge.
    """
    size = number(text.get("s"))
    size = size if size > 0 else 10.0
    unit, tracking = size / 100, _or(number(text.get("tr")), 0.0) * size / 1000
    letters: list[Letter] = []
    widths: list[float] = []
    for line, (shown, width) in enumerate(_lines(text, chars, unit, tracking)):
        left = 0.0
        for char in shown:
            held = chars.get(char, {})
            advance = _or(number(held.get("w")), 0.0) * unit
            letters.append(Letter(char, line, left, advance, [_scaled(path, unit) for path in _paths(held)]))
            left += advance + tracking
        widths.append(width)
    height = number(text.get("lh"))
    anchor, (x, y) = _anchor(text), _pair(text.get("ps"))
    place = (x + anchor * max(0.0, _pair(text.get("sz"))[0]), y + ascent * size) if isinstance(text.get("ps"), list) else (0.0, 0.0)
    return Lettering(letters, widths, size, height if height > 0 else size * _AUTO_LEADING, place, anchor)


def _lines(text: Document, chars: dict[str, Document], unit: float, tracking: float) -> list[tuple[str, float]]:
    """The text's lines with their widths, broken at blanks where its box ends."""
    limit = _pair(text.get("sz"))[0]
    lines: list[tuple[str, float]] = []

    def measure(part: str) -> float:
        solid = part.rstrip(" ")
        return sum(_or(number(chars.get(char, {}).get("w")), 0.0) * unit + tracking for char in solid) - (tracking if solid else 0.0)

    shown = text["t"].upper() if text.get("ca") else text["t"]
    for paragraph in _LINE_ENDS.split(shown):
        line = ""
        for word in paragraph.split(" ") if limit > 0 else [paragraph]:
            longer = f"{line} {word}" if line else word
            if line and measure(longer) > limit:
                lines.append((line, measure(line)))
                line = word
            else:
                line = longer
        lines.append((line, measure(line)))
    return lines


def _pair(value: object) -> tuple[float, float]:
    return (_or(number(value[0]), 0.0), _or(number(value[1]), 0.0)) if isinstance(value, list) and len(value) >= 2 else (0.0, 0.0)


def _anchor(text: Document) -> float:
    return {1: 1.0, 2: 0.5}.get(text.get("j"), 0.0)  # type: ignore[arg-type]


def _or(value: float, default: float) -> float:
    return value if value == value else default


def _shapes(cluster: Cluster, unit: float) -> list[Document]:
    scale = cluster.scale * unit
    return [c.shape(glyph.x * scale, glyph.y * scale, scale) for glyph in cluster.glyphs for c in glyph.face.outline(glyph.number)]


def _paths(char: Document) -> list[Document]:
    data = char.get("data")
    groups = objects(data.get("shapes")) if isinstance(data, dict) else ()
    held = [item["ks"]["k"] for group in groups for item in objects(group.get("it")) if isinstance(item.get("ks"), dict)]
    return [path for path in held if isinstance(path, dict) and all(isinstance(path.get(side), list) for side in "iov")]


def _scaled(path: Document, unit: float) -> Document:
    sides = {side: [[round(_or(number(part), 0.0) * unit, 3) for part in point[:2]] for point in path[side]] for side in "iov"}
    return {"ty": "sh", "ks": {"a": 0, "k": {**sides, "c": path.get("c", True)}}}
