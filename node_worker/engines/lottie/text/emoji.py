"""Draws emoji in colours, and lays each as a picture over the place that its text leaves for it."""

import base64
import copy
import functools
import io
import math
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import uharfbuzz as hb
from PIL import Image

from contracts.spec import Warning
from node_worker.engines.base import Pixels, TemplateRefused
from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.schema import IMAGE, TEXT
from node_worker.engines.lottie.text.faces import Face
from node_worker.engines.lottie.text.layout import Layout
from node_worker.engines.lottie.text.letters import Letter
from node_worker.engines.lottie.text.measures import origins
from node_worker.engines.lottie.text.samples import moments, sample
from node_worker.engines.lottie.text.shaping import Glyph
from node_worker.engines.lottie.text.written import keyed
from node_worker.engines.lottie.upgrade import all_layers
from node_worker.inspect.documents import MAX_DOCUMENT

Document = dict[str, Any]
_SHARP = 2.0  # pixels drawn for each of the text's own, so that a larger film shows no steps
_MOST, _LARGEST, _SMALLEST = 2000, 640, 8  # layers of a scene; pixels of a picture's em
_MOST_PIXELS = 12_000_000  # of all pictures of a scene at their text's own scale
_ROOM = 1.6  # of an em's square: an emoji is wider and higher than that
_COPIED = ("ip", "op", "st", "sr", "bm", "tt", "tp", "hd", "ef", "ddd")  # what a text's pictures share with it
_ID = "flatrender:emoji:"


class _Picture(msgspec.Struct, frozen=True):
    """A drawn glyph: a PNG as data: address, sides in pixels, pixels to the em, left top corner from its origin in pixels, y downwards."""

    address: str
    size: tuple[int, int]
    em: int
    corner: tuple[int, int]


class _Place(msgspec.Struct):
    """Where a glyph's origin lies in its text layer, how large an em is, and when it shows; a transform that moves the layer's letter."""

    glyph: Glyph
    x: float
    y: float
    em: float
    span: tuple[float, float]
    transform: Document | None = None


class EmojiLayers:
    """Collects the emoji of a document's texts and writes them as layers of pictures."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._places: dict[int, list[_Place]] = {}  # by the identity of the text layer
        self._count = 0
        self._shrink = 1.0

    def note(self, layer: Document, index: int, text: Document, layout: Layout) -> None:
        """Remember the emoji of a text document that is placed; `index` is its place among the layer's. Raises TemplateRefused."""
        em = number(text.get("s"))
        for (x, y), line in zip(origins(text, layout), layout.lines, strict=True):
            for cluster in line.clusters:
                for glyph in cluster.glyphs if cluster.coloured else ():
                    left = cluster.x + glyph.x * cluster.scale
                    self._add(layer, _Place(glyph, x + left * em / 100, y + glyph.y * em / 100, em, _span(layer, index)))

    def note_moving(self, layer: Document, em: float, index: int, letter: Letter, transform: Document) -> None:
        """Remember an emoji that a text animator moves: `transform` lays its letter, whose left end is at 0, on the layer."""
        for glyph in letter.pictures:
            self._add(layer, _Place(glyph, glyph.x * em / 100, glyph.y * em / 100, em, _span(layer, index), transform))

    def _add(self, layer: Document, place: _Place) -> None:
        self._count += 1
        if self._count > _MOST:
            raise TemplateRefused("text.too_long", f"The scene's texts have more than {_MOST} emoji together; shorten them.")
        self._places.setdefault(id(layer), []).append(place)

    def write(self, warnings: list[Warning]) -> None:
        """Put the pictures behind their texts, in the composition of each."""
        if not self._places:
            return
        for layer in all_layers(self._document):
            if id(layer) in self._places:
                warnings += _doubts(layer)
        self._shrink = self._shrinking()
        known = {str(asset.get("id")) for asset in self._document["assets"]}
        for owner in (self._document, *self._document["assets"]):
            if isinstance(owner.get("layers"), list):
                owner["layers"] = list(self._with_pictures(owner["layers"], known))

    def _shrinking(self) -> float:
        """By how much pictures must be smaller than they would be sharp, so that all of them together stay within bounds."""
        sizes = {(place.glyph.face.digest, place.glyph.number, _pixels(place.em)) for places in self._places.values() for place in places}
        ems = sum(em * em for _, _, em in sizes)  # whole numbers, for a set has no order
        return min(1.0, math.sqrt(_MOST_PIXELS / (_ROOM * ems)))

    def _with_pictures(self, layers: list[Document], known: set[str]) -> Iterator[Document]:
        numbers = _Numbers(layers)
        for index, layer in enumerate(layers):
            yield layer
            places = self._places.get(id(layer), ()) if isinstance(layer, dict) else ()
            if not places or layer.get("td"):
                continue
            _check_weight(layer, len(places))
            parent = numbers.of(layer)
            if layer.get("tt") and "tp" not in layer and index:
                layer["tp"] = numbers.of(layers[index - 1])  # the layer above, by its number: the pictures stand below another
            for place in places:
                picture = _picture(place.glyph.face, place.glyph.number, _pixels(place.em * min(_scale(layer), 4.0) * self._shrink))
                if picture is None:
                    continue
                asset = f"{_ID}{place.glyph.face.digest[:16]}:{place.glyph.number}:{picture.em}"
                if asset not in known:
                    known.add(asset)
                    self._document["assets"].append(_asset(asset, picture))
                yield _layer(layer, place, picture, asset, parent)


def _check_weight(layer: Document, pictures: int) -> None:
    """Refuse what would be copied too often: each picture has its text's masks, effects and fading. Raises TemplateRefused."""
    own = layer.get("ks")
    copied = [layer.get("masksProperties"), layer.get("ef"), own.get("o") if isinstance(own, dict) else None]
    if len(msgspec.json.encode(copied)) * pictures > MAX_DOCUMENT:
        detail = f"The masks and effects of the text {str(layer.get('nm', ''))[:60]!r} are too large to be repeated for each of its emoji."
        raise TemplateRefused("lottie.too_complex", detail)


class _Numbers:
    """The numbers by which a composition's layers name each other."""

    def __init__(self, layers: list[Document]) -> None:
        held = [layer["ind"] for layer in objects(layers) if isinstance(layer.get("ind"), int)]
        self._taken = {number: held.count(number) for number in held}
        self._next = max((*(one for one in held if 0 <= one < 0x7000), 0)) + 1

    def of(self, layer: Document) -> int:
        """A layer's number, a new one if it has none of its own."""
        if not isinstance(layer.get("ind"), int) or self._taken.get(layer["ind"], 0) > 1:
            layer["ind"] = self._next
            self._next += 1
        return int(layer["ind"])


def _doubts(layer: Document) -> Iterator[Warning]:
    element = str(layer.get("nm", ""))[:80]
    if layer.get("ty") == TEXT and layer["t"].get("a"):
        detail = "The text's emoji stand still while its letters are animated; leave them out, or animate the whole layer."
        yield Warning(code="text.emoji_still", detail=detail, element=element)
    if layer.get("td"):
        detail = "The text is a track matte, so its emoji are left out of it; use letters there."
        yield Warning(code="text.emoji_matte", detail=detail, element=element)


def _layer(layer: Document, place: _Place, picture: _Picture, asset: str, parent: int) -> Document:
    """A picture that hangs on its text: it moves with it, and shares its opacity, matte, effects and masks."""
    factor = place.em / picture.em
    x, y = place.x + picture.corner[0] * factor, place.y + picture.corner[1] * factor
    own = layer.get("ks")
    opacity = (own.get("o") if isinstance(own, dict) else None) or {"a": 0, "k": 100}
    made = {key: layer[key] for key in _COPIED if key in layer}
    made |= {"ty": IMAGE, "nm": "", "refId": asset, "parent": parent, "ip": place.span[0], "op": place.span[1]}
    moved = place.transform
    if moved is None:
        made["ks"] = {"p": _still([x, y, 0]), "a": _still([0, 0, 0]), "s": _still([factor * 100, factor * 100, 100]), "r": _still(0)}
        made["ks"]["o"] = opacity
        if layer.get("hasMask", True) and layer.get("masksProperties"):
            made |= {"hasMask": True, "masksProperties": [_mask(mask, (x, y), factor) for mask in objects(layer["masksProperties"])]}
        return made
    made["ks"] = {
        **{name: moved[name] for name in ("p", "r", "sk", "sa") if name in moved},
        "a": _mapped(moved["a"], lambda value, side: (value - (x, y)[side]) / factor),
        "s": _mapped(moved["s"], lambda value, _: value * factor),
        "o": _product(moved["o"], opacity, place.span),
    }
    return made


def _still(value: object) -> Document:
    return {"a": 0, "k": value}


def _mapped(prop: Document, change: Callable[[float, int], float]) -> Document:
    """A property whose values are changed, each by its place among a moment's numbers."""

    def one(values: list[float]) -> list[float]:
        return [change(value, side) for side, value in enumerate(values)]

    if not prop["a"]:
        return {"a": 0, "k": one(prop["k"])}
    return {"a": 1, "k": [{**key, "s": one(key["s"])} for key in prop["k"]]}


def _product(one: Document, other: Document, span: tuple[float, float]) -> Document:
    """The opacity of two that lie over each other, in percent."""
    times = moments((one, other), *span)
    return keyed(sample(one, times, (100.0,)) * sample(other, times, (100.0,)) / 100, times)


def _span(layer: Document, document: int) -> tuple[float, float]:
    """The frames between which one of a layer's text documents shows."""
    keys = [key for key in objects(layer["t"]["d"]["k"]) if isinstance(key.get("s"), dict) and isinstance(key["s"].get("t"), str)]
    start, end = number(layer.get("ip")), number(layer.get("op"))
    if document:
        start = max(start, number(keys[document].get("t")))
    if document + 1 < len(keys):
        end = min(end, number(keys[document + 1].get("t")))
    return start, max(start, end)


def _mask(mask: Document, corner: tuple[float, float], factor: float) -> Document:
    """A text's mask in the coordinates of a picture that lies at `corner` and is scaled by `factor`."""
    moved = copy.deepcopy(mask)
    stack: list[Any] = [moved.get("pt")]
    while stack:
        value = stack.pop()
        if isinstance(value, dict) and isinstance(value.get("v"), list):
            for name, (x, y) in (("v", corner), ("i", (0.0, 0.0)), ("o", (0.0, 0.0))):
                held = value.get(name)
                points = [point for point in (held if isinstance(held, list) else ()) if isinstance(point, list) and len(point) >= 2]
                value[name] = [[(number(point[0]) - x) / factor, (number(point[1]) - y) / factor] for point in points]
        elif isinstance(value, dict):
            stack.extend(value[name] for name in ("k", "s", "e") if name in value)
        elif isinstance(value, list):
            stack.extend(value)
    grown = moved.get("x")
    if isinstance(grown, dict) and isinstance(grown.get("k"), int | float):
        grown["k"] = number(grown["k"]) / factor
    return moved


def _scale(layer: Document) -> float:
    """How far a layer enlarges its text at most, as far as its own scale says."""
    own = layer.get("ks")
    scale = own.get("s") if isinstance(own, dict) else None
    times = [float(frame["t"]) for frame in sampling.keyframes(scale)[:100]] or [0.0]
    return max([1.0, *(abs(side) / 100 for time in times for side in sampling.numbers(scale, time, (100.0,))[:2])])


def _pixels(em: float) -> int:
    """The pixels to the em at which an emoji is drawn, in steps, so that texts of about one size share pictures."""
    return int(min(_LARGEST, max(_SMALLEST, -(-em * _SHARP // 8) * 8)))


def _asset(name: str, picture: _Picture) -> Document:
    return {"id": name, "w": picture.size[0], "h": picture.size[1], "u": "", "p": picture.address, "e": 1}


@functools.lru_cache(maxsize=256)
def _picture(face: Face, glyph: int, em: int) -> _Picture | None:
    """Draw a glyph at `em` pixels to the em; None if the font holds no picture of it."""
    extents = face.font.get_glyph_extents(glyph)
    painter = hb.RasterPaint()
    scale = em / face.upem
    painter.transform = (scale, 0, 0, scale, 0, 0)
    painter.set_glyph_extents(extents)
    if extents is None or not extents.width or not extents.height or not painter.paint_glyph_or_fail(face.font, glyph):
        return None
    image = painter.render()
    there = image.extents
    rows = np.frombuffer(image.buffer, np.uint8)[: there.height * there.stride].reshape(there.height, there.stride)
    pixels = rows[::-1, : there.width * 4].reshape(there.height, there.width, 4)[..., [2, 1, 0, 3]]  # BGRA from below
    file = io.BytesIO()
    Image.fromarray(_straight(pixels), "RGBA").save(file, "PNG", compress_level=1)
    address = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return _Picture(address, (there.width, there.height), em, (there.x_origin, -there.y_origin - there.height))


def _straight(pixels: Pixels) -> Pixels:
    """Colours that were multiplied by their opacity, as they were before."""
    alpha = pixels[..., 3:].astype(np.uint32)
    colours = np.minimum(255, (pixels[..., :3].astype(np.uint32) * 255 + alpha // 2) // np.maximum(alpha, 1))
    return np.concatenate([colours, alpha], axis=-1).astype(np.uint8)
