"""Refuses documents that would crash or stall the engine, before the engine sees them."""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np

from node_worker.engines.base import TemplateRefused

MAX_DOCUMENT = 20 << 20  # bytes
_MAX_DEPTH = 300
_MAX_MEMORY = 200 << 20  # bytes that the parsed document may take, estimated from its punctuation
_MAX_SIDE = 8192  # pixels
_MAX_FRAMES, _MAX_SECONDS, _MAX_RATE = 216_000, 3600.0, 1000.0
_MAX_PRECOMP_DEPTH = 48
_MAX_LAYERS, _MAX_SHAPES = 50_000, 500_000  # with every use of a composition and every repeater's copy counted
_MAX_COPIES, _MAX_POINTS = 10_000, 10_000

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BLOCK = 1 << 20
_BRACKETS = b"[]{}"
_NOT_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))

Document = dict[str, Any]


def parse(raw: bytes, name: str = "the animation") -> Document:
    """Parse JSON whose size, depth and memory are bounded. Raises TemplateRefused."""
    if len(raw) > MAX_DOCUMENT:
        raise TemplateRefused("lottie.too_large", f"{name} is larger than {MAX_DOCUMENT >> 20} MB.")
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    depth, containers = _nesting(raw)
    if depth > _MAX_DEPTH:
        raise TemplateRefused("lottie.too_deep", f"{name} is nested {depth} levels deep; the limit is {_MAX_DEPTH}.")
    # An empty container costs about 90 bytes in CPython and a number 32, measured.
    if containers * 90 + raw.count(b",") * 32 > _MAX_MEMORY:
        raise TemplateRefused("lottie.too_large", f"{name} holds too many values; simplify its paths or split it.")
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise TemplateRefused("lottie.not_json", f"{name} is not valid JSON: {error}.") from error
    if not isinstance(document, dict):
        raise TemplateRefused("lottie.not_json", f"{name} must be a JSON object.")
    return document


def _nesting(raw: bytes) -> tuple[int, int]:
    """How deep brackets outside strings are nested, and how many open; a linear scan, in blocks to spare memory."""
    brackets = np.frombuffer(_STRING.sub(b"", raw).translate(None, _NOT_BRACKETS), np.uint8)
    depth = deepest = containers = 0
    for start in range(0, len(brackets), _BLOCK):
        block = brackets[start : start + _BLOCK]
        opening = (block == ord("[")) | (block == ord("{"))
        levels = np.cumsum(np.where(opening, 1, -1), dtype=np.int32) + depth
        deepest, depth = max(deepest, int(levels.max())), int(levels[-1])
        containers += int(opening.sum())
    return deepest, containers


def check(document: Document) -> None:
    """Refuse a document with impossible times or sizes, circles, or an explosion of parts. Raises TemplateRefused."""
    _check_times(document)
    if not isinstance(document.get("layers"), list):
        raise TemplateRefused("lottie.no_layers", "The file has no layers; it is not a Lottie animation.")
    assets = document.setdefault("assets", [])
    if not isinstance(assets, list) or not all(isinstance(asset, dict) for asset in assets):
        raise TemplateRefused("lottie.bad_structure", "The animation's assets are not a list of objects.")
    precomps: dict[str, list[Any]] = {}
    for asset in assets:
        if "layers" in asset:
            _layers(asset)
            precomps[str(asset.get("id"))] = asset["layers"]
    for layers in [_layers(document), *precomps.values()]:
        _check_links(layers, "parent", "Its layers' parents form a circle.")
        _check_links(layers, "tp", "Its track mattes form a circle.")
    _check_weight(document["layers"], precomps)


def number(value: object) -> float:
    """A finite number, or NaN for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(value)
    return math.nan


def objects(value: object) -> Iterator[Document]:
    """The objects in what should be a list of them; nothing if it is something else."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _check_times(document: Document) -> None:
    width, height, rate = (number(document.get(key)) for key in ("w", "h", "fr"))
    if not (1 <= width <= _MAX_SIDE and 1 <= height <= _MAX_SIDE):
        raise TemplateRefused("lottie.bad_size", f"The composition must measure 1 to {_MAX_SIDE} pixels a side.")
    if not 0 < rate <= _MAX_RATE:
        raise TemplateRefused("lottie.bad_rate", f"The frame rate (fr) must be above 0 and at most {_MAX_RATE:.0f}.")
    frames = number(document.get("op")) - number(document.get("ip", 0))
    if not frames > 0:
        raise TemplateRefused("lottie.no_frames", "The animation has no frames: its end (op) must come after its start (ip).")
    if frames > _MAX_FRAMES or frames / rate > _MAX_SECONDS:
        raise TemplateRefused("lottie.too_long", f"The animation is longer than {_MAX_SECONDS:.0f} s or {_MAX_FRAMES} frames.")


def _layers(owner: Document) -> list[Document]:
    layers = owner.get("layers")
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise TemplateRefused("lottie.bad_structure", "A composition's layers are not a list of objects.")
    return layers


def _check_links(layers: list[Document], field: str, detail: str) -> None:
    """Follow every layer's link to another by its index; the engine follows them without end."""
    links = {layer["ind"]: layer[field] for layer in layers if isinstance(layer.get("ind"), int) and isinstance(layer.get(field), int)}
    done: set[object] = set()
    for start in links:
        path: set[object] = set()
        at: object = start
        while at in links and at not in done:
            if at in path:
                raise TemplateRefused("lottie.circle", detail)
            path.add(at)
            at = links[at]
        done |= path


def _check_weight(root: list[Document], precomps: dict[str, list[Document]]) -> None:
    """Count layers and shapes with all uses, each composition once: uses may multiply without making the file larger."""
    weights: dict[str, tuple[int, int, int]] = {}  # layers, shapes, depth
    open_: list[str] = []

    def use(key: str) -> tuple[int, int, int]:
        if key in open_:
            raise TemplateRefused("lottie.circle", f"The composition {key[:80]!r} contains itself.")
        if len(open_) > _MAX_PRECOMP_DEPTH:
            raise TemplateRefused("lottie.too_deep", f"Compositions are nested more than {_MAX_PRECOMP_DEPTH} deep.")
        if key not in weights:
            open_.append(key)
            weights[key] = _weigh(precomps[key], precomps, use)
            open_.pop()
        return weights[key]

    _weigh(root, precomps, use)
    for key in precomps:
        use(key)


def _weigh(layers: list[Document], precomps: dict[str, list[Document]], use: Callable[[str], tuple[int, int, int]]) -> tuple[int, int, int]:
    count, shapes, depth = len(layers), 0, 0
    for layer in layers:
        items = layer.get("shapes")
        if isinstance(items, list):
            shapes += _shapes(items)
        reference = layer.get("refId")
        if layer.get("ty") == 0 and isinstance(reference, str) and reference in precomps:
            inner = use(reference)
            count, shapes, depth = count + inner[0], shapes + inner[1], max(depth, inner[2] + 1)
        if count > _MAX_LAYERS or shapes > _MAX_SHAPES or depth > _MAX_PRECOMP_DEPTH:
            raise TemplateRefused("lottie.too_complex", f"The animation draws more than {_MAX_LAYERS} layers or {_MAX_SHAPES} shapes.")
    return count, shapes, depth


def _shapes(items: list[Any]) -> int:
    """Count a list's shapes; a repeater multiplies what stands before it in its list. Depth is bounded by parse()."""
    total = 0
    for item in items:
        if not isinstance(item, dict):
            continue
        kind = item.get("ty")
        total += 1
        if kind == "gr" and isinstance(item.get("it"), list):
            total += _shapes(item["it"])
        elif kind == "rp":
            total *= max(1, _bounded(item.get("c"), _MAX_COPIES, "A repeater makes too many copies"))
        elif kind == "sr":
            _bounded(item.get("pt"), _MAX_POINTS, "A star has too many points")
    return min(total, _MAX_SHAPES + 1)


def _bounded(prop: object, limit: int, detail: str) -> int:
    largest = max((abs(value) for value in _values(prop)), default=1.0)
    if not largest <= limit:
        raise TemplateRefused("lottie.too_complex", f"{detail} (the limit is {limit}).")
    return int(largest)


def _values(prop: object) -> Iterator[float]:
    """All numbers that a property takes, its keyframes' included."""
    value = prop.get("k") if isinstance(prop, dict) else prop
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, dict):
            for end in (part.get("s"), part.get("e")):
                yield from (float(v) for v in (end if isinstance(end, list) else [end]) if isinstance(v, (int, float)))
        elif isinstance(part, (int, float)):
            yield float(part)
