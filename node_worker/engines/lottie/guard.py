"""Refuses documents that would crash or stall the engine, before the engine sees them."""

import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from node_worker.engines.base import TemplateRefused
from node_worker.inspect.documents import utf8

_MAX_DEPTH = 300
_MAX_MEMORY = 200 << 20  # bytes that the parsed document may take, estimated from its punctuation
_MAX_SIDE = 8192  # pixels
_MAX_FRAMES, _MAX_SECONDS, _MAX_RATE = 216_000, 3600.0, 1000.0

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BLOCK = 1 << 20
_BRACKETS = b"[]{}"
_NOT_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))

Document = dict[str, Any]


def parse(raw: bytes, name: str = "the animation") -> Document:
    """Parse JSON, packed or not and in whatever encoding, whose size, depth and memory are bounded. Raises TemplateRefused."""
    raw = utf8(raw, name)
    depth, containers = _nesting(raw)
    if depth > _MAX_DEPTH:
        raise TemplateRefused("lottie.too_deep", f"{name} is nested {depth} levels deep; the limit is {_MAX_DEPTH}.")
    # An empty container costs about 90 bytes in CPython and a number 32, measured.
    if containers * 90 + raw.count(b",") * 32 > _MAX_MEMORY:
        raise TemplateRefused("lottie.too_large", f"{name} holds too many values; simplify its paths or split it.")
    try:
        document = msgspec.json.decode(raw)
    except UnicodeDecodeError as error:
        raise TemplateRefused("lottie.not_json", f"{name} holds letters in an encoding that is not UTF-8; save it in UTF-8.") from error
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
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
    """Refuse what is no animation, and impossible times or sizes; see structure.settle for the rest. Raises TemplateRefused."""
    _check_times(document)
    if not isinstance(document.get("layers"), list):
        raise TemplateRefused("lottie.no_layers", "The file has no layers; it is not a Lottie animation.")
    assets = document.setdefault("assets", [])
    if not isinstance(assets, list) or not all(isinstance(asset, dict) for asset in assets):
        raise TemplateRefused("lottie.bad_structure", "The animation's assets are not a list of objects.")
    for owner in (document, *(asset for asset in assets if "layers" in asset)):
        _check_layers(owner)


def number(value: object, default: float = math.nan) -> float:
    """A finite number, or the default for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(value)
    return default


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


def _check_layers(owner: Document) -> None:
    layers = owner.get("layers")
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise TemplateRefused("lottie.bad_structure", "A composition's layers are not a list of objects.")
