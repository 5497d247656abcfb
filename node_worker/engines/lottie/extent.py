"""How far from the picture a document draws: the engine's coordinates are fixed-point numbers, and beyond their end it never ends."""

import math
from typing import Any, NamedTuple

from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie import paths
from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.reach import reach, widest
from node_worker.engines.lottie.references import label, mattes_of, parents_of
from node_worker.engines.lottie.schema import IMAGE, PRECOMP, SOLID, TEXT

Document = dict[str, Any]
_FARTHEST = 2.0**31 / 64 / 2  # of the drawn picture's pixels, which the engine divides into 64; half of it, for what is rounded up
_LARGEST_PICTURE = 8192  # pixels of a side
_STEEPEST = 5730.0  # the tangent nearest to 90 degrees for which the engine still draws
_DIAGONAL = math.sqrt(2)  # of a square; distances are those of a circle's edge, which turning does not change


class Move(NamedTuple):
    """What a transformation makes of a distance from zero, at most: `times` it, `plus` something."""

    times: float = 1.0
    plus: float = 0.0

    def of(self, distance: float) -> float:
        return self.times * distance + self.plus

    def after(self, inner: "Move") -> "Move":
        return Move(self.times * inner.times, self.times * inner.plus + self.plus)


def check_extent(document: Document) -> None:
    """Refuse layers that reach too far, in a picture of the largest size. Circles are refused before. Raises TemplateRefused."""
    most = _FARTHEST * max(document["w"], document["h"]) / _LARGEST_PICTURE
    for index, distance in enumerate(_Extents(document).of(document["layers"])):
        if not distance <= most:
            at, named = f"layers[{index}]", label(document["layers"][index])
            detail = f"{at}{named} reaches {distance:.0e} pixels from the picture; make its scales, places and sizes smaller."
            raise TemplateRefused("lottie.too_complex", detail, at)


class _Extents:
    """Measures each composition once."""

    def __init__(self, document: Document) -> None:
        self._assets: dict[str, Document] = {}
        for asset in objects(document.get("assets")):
            self._assets.setdefault(str(asset.get("id")), asset)
        self._known: dict[str, float] = {}

    def of(self, layers: list[Document]) -> list[float]:
        """How far each layer reaches in its composition."""
        parents = parents_of(layers, mattes_of(layers))
        moves: list[Move | None] = [None] * len(layers)
        found = []
        for index, layer in enumerate(layers):
            chain = [index]
            while moves[chain[-1]] is None and (parent := parents[chain[-1]]) is not None:
                chain.append(parent)
            for one in reversed(chain):
                if moves[one] is None:
                    own, parent = move_of(layers[one].get("ks")), parents[one]
                    above = None if parent is None else moves[parent]
                    moves[one] = own if above is None else above.after(own)
            move = moves[index]
            assert move is not None, "the chain ends with the layer itself"
            found.append(move.of(self._content(layer)))
        return found

    def _content(self, layer: Document) -> float:
        """How far a layer's content reaches before it is moved."""
        size = sum(_size(layer.get(side)) for side in ("w", "h", "sw", "sh"))
        masks = max((paths.extent(mask.get("pt")) + widest(mask.get("x")) for mask in objects(layer.get("masksProperties"))), default=0.0)
        return max(_DIAGONAL * max(size, masks), self._held(layer))

    def _held(self, layer: Document) -> float:
        """How far that reaches which a layer's type has it show."""
        kind = layer.get("ty")
        if kind == PRECOMP:
            return self._composition(layer.get("refId"))
        if kind == IMAGE:
            asset = self._assets.get(str(layer.get("refId")), {})
            return _DIAGONAL * sum(_size(asset.get(side)) for side in ("w", "h"))
        if kind == TEXT:
            return _text(layer.get("t"))
        return 0.0 if kind == SOLID else shapes(layer.get("shapes"))

    def _composition(self, name: object) -> float:
        key = str(name)
        if key not in self._known:
            layers = self._assets.get(key, {}).get("layers")
            self._known[key] = max(self.of(layers), default=0.0) if isinstance(layers, list) else 0.0
        return self._known[key]


def move_of(transform: object) -> Move:
    """What a transformation does to distances."""
    if not isinstance(transform, dict):
        return Move()
    place = transform.get("p")
    if isinstance(place, dict) and any(isinstance(place.get(axis), dict) for axis in ("x", "y")):
        at = widest(place.get("x")) + widest(place.get("y"))
    else:
        at = _DIAGONAL * widest(place, parts=2) + _tangents(place)
    times = widest(transform.get("s"), 100.0, parts=2) / 100 * _steepness(transform.get("sk"))
    return Move(times, at + times * _DIAGONAL * widest(transform.get("a"), parts=2))


def _tangents(place: object) -> float:
    """How far a curved motion leaves the line between its places."""
    frames = objects(place.get("k") if isinstance(place, dict) else None)
    return max((abs(part) for frame in frames for side in ("ti", "to") for part in frame.get(side) or ()), default=0.0)


def _steepness(skew: object) -> float:
    found = reach(skew)
    if found is None or found == (0.0, 0.0):
        return 1.0
    low, high = found
    if high - low >= 180 or math.floor((low - 90) / 180) != math.floor((high - 90) / 180):
        return 1 + _STEEPEST
    return 1 + min(_STEEPEST, max(abs(math.tan(math.radians(end))) for end in found))


def shapes(items: object) -> float:
    """How far a list of shapes reaches; what changes lines stands behind them and is added to all."""
    farthest, line, moved = 0.0, 0.0, Move()
    for item in objects(items):
        match item.get("ty"):
            case "gr":
                farthest = max(farthest, shapes(item.get("it")))
            case "rc" | "el":
                farthest = max(farthest, _DIAGONAL * (widest(item.get("p"), parts=2) + widest(item.get("s"), parts=2)))
            case "sr":
                radius = max(widest(item.get("or")), widest(item.get("ir")))
                round_ = 1 + max(widest(item.get("is")), widest(item.get("os"))) / 100
                farthest = max(farthest, _DIAGONAL * widest(item.get("p"), parts=2) + radius * round_ * 2)
            case "sh":
                farthest = max(farthest, _DIAGONAL * paths.extent(item.get("ks")))
            case "st" | "gs":
                line = max(line, widest(item.get("w")) * max(1.0, _size(item.get("ml"))))
            case "op":
                line += widest(item.get("a")) * max(1.0, widest(item.get("ml"), 1.0))
            case "pb":
                farthest *= 1 + widest(item.get("a")) / 100
            case "zz":
                line += widest(item.get("s"))
            case "rp":
                farthest = _repeated(item, farthest + line)
            case "tr":
                moved = move_of(item)
    return moved.of(farthest + line)


def _repeated(repeater: Document, distance: float) -> float:
    """How far the last copy reaches: each is moved, turned and scaled once more than the one before."""
    move = repeater.get("tr")
    held = move if isinstance(move, dict) else {}
    times = widest(repeater.get("c")) + widest(repeater.get("o"))
    growth = max(1.0, widest(held.get("s"), 100.0, parts=2) / 100)
    exponent = times * math.log2(growth)
    anchor, step = (_DIAGONAL * widest(held.get(name), parts=2) for name in ("a", "p"))
    scaled = math.inf if exponent > 1000 else (distance + anchor) * 2.0**exponent
    return scaled + anchor + step * times


def _text(text: object) -> float:
    """How far a text's letters reach, as wide as high and in one line at worst."""
    held = text if isinstance(text, dict) else {}
    frames = objects(held["d"].get("k")) if isinstance(held.get("d"), dict) else ()
    farthest = max((_source(frame["s"]) for frame in frames if isinstance(frame.get("s"), dict)), default=0.0)
    scale, more = 1.0, 0.0
    for animator in objects(held.get("a")):
        style = animator.get("a")
        if isinstance(style, dict):
            scale *= max(1.0, widest(style.get("s"), 100.0) / 100)
            more += sum(widest(style.get(name)) for name in ("p", "t", "ls", "sw"))
    return farthest * scale + more


def _source(source: Document) -> float:
    count = len(source["t"]) if isinstance(source.get("t"), str) else 0
    letters = (_size(source.get("lh")) + _size(source.get("s"))) * (count + 1)
    return letters + max(_size(part) for name in ("ps", "sz") for part in (0, *_list(source.get(name))))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _size(value: object) -> float:
    found = number(value)
    return 0.0 if math.isnan(found) else abs(found)
