"""Hands out a document's characters for shaped glyphs, with outlines and advances."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie.text.layout import Line
from node_worker.engines.lottie.text.shaping import Cluster

Document = dict[str, Any]


class Codes:
    """A font of one layer: it hands out a character for every outline and advance."""

    def __init__(self, font: str) -> None:
        self.font = font
        self.ascent = 0.0  # lines are placed at their baselines already
        self.chars: list[Document] = [self._char(" ", 0.0, [])]
        self._free = _code_points()
        self._known: dict[object, str] = {}

    def encode(self, line: Line, right: bool) -> str:
        """Write a line; `right` tells that the lines start at their right ends and go on to the left."""
        origin = line.width if right else 0.0
        drawn = [c for c in line.clusters if c.space or c.glyphs]
        text: list[str] = []
        cursor = 0.0
        solid = [c for c in drawn if not c.space]
        following = {id(c): n for c, n in pairwise(solid)}
        for cluster in drawn:
            if cluster.space:
                text.append(" ")  # of no width, so that selectors by words and without spaces still see it
                continue
            after = following.get(id(cluster))
            target = _anchor(after) - origin if after else (-line.width if right else line.width)
            text.append(self._code(cluster, cluster.x - origin - cursor, target - cursor))
            cursor = target
        return "".join(text)

    def _code(self, cluster: Cluster, offset: float, advance: float) -> str:
        # A picture in colours is no outline: its letter only leads to the next one, and a layer of its own shows it.
        glyphs = () if cluster.coloured else cluster.glyphs
        outline = tuple((g.face.digest, g.number, round(g.x, 3), round(g.y, 3)) for g in glyphs)
        key = (outline, cluster.scale, round(offset, 3), round(advance, 3))
        code = self._known.get(key)
        if code is None:
            code = self._known[key] = next(self._free)
            self.chars.append(self._char(code, round(advance, 3), _shapes(cluster, offset)))
        return code

    def _char(self, code: str, advance: float, shapes: list[Document]) -> Document:
        data = {"shapes": [{"ty": "gr", "it": shapes}]} if shapes else {}
        return {"ch": code, "fFamily": self.font, "size": 100, "style": "Regular", "w": advance, "data": data}


def _shapes(cluster: Cluster, offset: float) -> list[Document]:
    if cluster.coloured:
        return []
    scale = cluster.scale
    return [c.shape(offset + g.x * scale, g.y * scale, scale) for g in cluster.glyphs for c in g.face.outline(g.number)]


def _anchor(cluster: Cluster) -> float:
    """Where the cursor stands for a cluster: at its left, or at its right if it is read from there."""
    return cluster.x + cluster.advance if cluster.rtl else cluster.x


def _code_points() -> Iterator[str]:
    """Characters for glyphs. The engine counts bytes in its selectors, so one-byte characters come first."""
    yield from (chr(point) for point in range(0x21, 0x7F) if chr(point) not in '"\\')
    yield from (chr(point) for point in range(0xA1, 0x800))
    yield from (chr(point) for point in range(0xE000, 0xF900))
    raise TemplateRefused("text.too_long", "A text holds more different letters than can be drawn; shorten it.")
