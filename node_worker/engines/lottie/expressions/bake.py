"""Evaluates a document's expressions in QuickJS and writes what they give into their properties."""

import math
import time
from collections.abc import Callable
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from _quickjs import Context, JSException  # its wrapper starts a thread when it is imported

from node_worker.engines.base import TemplateRefused, nothing
from node_worker.engines.lottie.elements import walk
from node_worker.engines.lottie.expressions.scanner import guarded, uses_objects
from node_worker.engines.lottie.expressions.survey import Place, Survey, ip_op, layers_of, survey
from node_worker.engines.lottie.guard import number
from node_worker.engines.lottie.keyed import write_held, write_numbers, write_paths
from node_worker.engines.lottie.playback import Playback, Span
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.schema import IMAGE, PRECOMP, SOLID

Document = dict[str, Any]
Box = tuple[float, float, float, float]  # left, top, right, bottom, in the layer's pixels
Measure = Callable[[Document], Box]

BUILD = f"quickjs-{version('quickjs-ng')}"
_FILES = ("values", "document", "layers", "geometry", "functions", "driver")
_LANGUAGE = "\n".join((Path(__file__).parent / "language" / f"{name}.js").read_text(encoding="utf-8") for name in _FILES)
_PRELUDE = f"(function () {{ 'use strict';\n{_LANGUAGE}\n}})()"

_BUDGET = 600_000  # evaluations of a scene
_MOST_NUMBERS = 3_000_000  # of all paths together
_MOST_LETTERS = 80_000  # of all texts together; a document may have 100,000
_MEMORY = 128 << 20  # bytes that expressions may hold, beside the document
_PARSED = 20  # bytes that one of a document's takes when it is parsed, measured with lists of points
_STACK = 4 << 20  # bytes; a process's main thread has twice as much
_SLICE = 1_000  # evaluations between two signs of life, at most; fewer where they take longer than a slice may
_SLICE_SECONDS = 0.2
_PATIENCE = 5.0  # seconds of processor time of one slice, far more than it takes: beyond it something never ends
_ALL_PATIENCE = 120.0  # seconds of processor time of a scene, five times what the largest that the counts allow takes
_LONGEST = 100_000  # characters of an expression
_WHOLE = {4: 1e4, 6: 1e6}  # values come as whole numbers of the last digit that counts
_TOLERANCE = {4: 0.002, 6: 2e-5}  # by which keyframes may miss a value: a five-hundredth of a pixel or degree, a colour's 200th step
_MOST_MOMENTS = 216_000  # an hour at 60 frames a second
_LAST = 0.01  # frames before the end: the last moment that is drawn

_UNKNOWN = (
    "The expression of {property} is not followed: {message}. The value without it is drawn; convert it to keyframes before the export."
)
_DETAILS = {
    "expression.random": (
        "The expression of {property} uses chance: it moves alike in every render here, but otherwise than in other programs."
    ),
    "expression.coarse": (
        "The scene has so many expressions that they are evaluated on every {message}. frame only; use fewer, or a shorter scene."
    ),
    "expression.endless": "The expression of {property} loops without an end; the value without it is drawn. Correct the loop.",
    "expression.budget": "The expression of {property} computes too much; the value without it is drawn. Simplify it.",
    "expression.deep": "The expression of {property} waits for too many others ({message}); the value without it is drawn.",
    "expression.clock": (
        "The expression of {property} reads the clock, which no video can follow; the value without it is drawn. Use time instead."
    ),
    "expression.failed": (
        "The expression of {property} stops ({message}); the value without it is drawn. Correct it, or convert it to keyframes."
    ),
    "expression.camera": _UNKNOWN,
    "expression.footage": _UNKNOWN,
    "expression.sample": _UNKNOWN,
    "expression.style": _UNKNOWN,
}


class Moments(msgspec.Struct, frozen=True):
    """When a scene will be drawn: at the frames of a video, at one moment, or at some as a sample."""

    rate: Fraction | None = None  # the video's frames a second; None stands for the document's own
    speed: Fraction = Fraction(1)
    second: float | None = None  # of the source, where one picture is drawn
    sample: int = 0  # at most so many moments, for a look at what expressions do
    playback: Playback = Playback()

    def frames(self, document: Document) -> list[float]:
        """The frames of the document's root at which it is drawn, as exactly as the engine is asked for them."""
        begin, rest = float(document.get("ip", 0)), float(document["op"]) - float(document.get("ip", 0))
        last = max(0.0, rest - _LAST)
        rate = float(document["fr"])
        if self.second is not None:
            return [begin + min(self.playback.within(document).frame(self.second), last)]
        if self.playback != Playback():
            return [begin + min(frame, last) for frame in self._played(self.playback.within(document))]
        step = float(self.speed / self.rate) * rate if self.rate is not None else 1.0
        count = math.ceil(rest / max(step, rest / _MOST_MOMENTS))
        if self.sample:
            count = min(count, self.sample)
        step = max(step, rest / count)
        found = sorted({min(round(n * step, 3), last) for n in range(count + 1)})
        return [begin + frame for frame in found]

    def _played(self, span: Span) -> list[float]:
        """The frames of an animation that is played otherwise than forwards and whole."""
        step = float(self.speed / self.rate) if self.rate is not None else 1 / span.rate
        count = math.ceil(span.duration / max(step, span.duration / _MOST_MOMENTS))
        if self.sample:
            count = min(count, self.sample)
        step = max(step, span.duration / count)
        return sorted({span.frame(n * step) for n in range(count + 1)})


WHOLE = Moments()


def bake(document: Document, report: Report, moments: Moments, measure: Measure | None = None, alive: Callable[[], None] = nothing) -> bool:
    """Replace every expression by what it gives; returns whether it serves these moments alone: some changes or was not there.

    `measure` tells a text's box, `alive` is called between slices of the work. Raises TemplateRefused.
    """
    found = survey(document)
    seen = [place for place in found.places if place.seen]
    moving = bool(seen) and _Run(document, found, seen, moments, measure).run(report, alive)
    strip(document)
    return moving


def strip(document: Document) -> None:
    """Take out every expression; the properties keep their own values."""
    for value, _, _ in walk(document):
        if isinstance(value.get("x"), str):
            del value["x"]


class _Run:
    """One evaluation of a document's expressions."""

    def __init__(self, document: Document, found: Survey, seen: list[Place], moments: Moments, measure: Measure | None) -> None:
        self._document, self._found, self._seen, self._measure = document, found, seen, measure
        self._context = Context()
        self._context.set_max_stack_size(_STACK)
        self._api = self._context.eval(_PRELUDE)
        self._context.set_time_limit(_PATIENCE)
        self._blobs: list[bytes] = []
        header = self._header(moments.frames(document))
        blobs = b"\n".join(self._blobs)
        self._context.set_memory_limit(_MEMORY + _PARSED * len(blobs))
        self._ask("blobs", blobs.decode())
        self._ask("start", msgspec.json.encode(header).decode())

    def run(self, report: Report, alive: Callable[[], None]) -> bool:
        """Evaluate all, write the values, tell what could not be followed; whether any moves or is not there. Raises TemplateRefused."""
        self._evaluate(alive)
        times = [np.array(one, np.float64) for one in self._read("times")]
        targets = self._read("result")
        for place, target in zip(self._seen, targets, strict=True):
            _write(place, target, times[place.comp])
        for failure in self._read("failures"):
            code = f"expression.{failure['code']}"
            report(code, _DETAILS.get(code, _UNKNOWN).format(**failure), str(failure["layer"]))
        # What was not evaluated, since its layer is not there at these moments, has its own value yet, and is wanted at others.
        return any(target.get("fixed") is None for target in targets)

    def _evaluate(self, alive: Callable[[], None]) -> None:
        """Go on slice by slice. How long one takes decides how many evaluations the next has, never a value."""
        most, begun = 20, time.process_time()
        ended = begun
        while (state := self._read("step", most))["state"] != "done":
            if state["state"] == "needs":
                self._ask("measured", msgspec.json.encode([(key, self._box(text)) for key, text in state["needs"]]).decode())
            before, ended = ended, time.process_time()
            most = max(1, most // 4) if ended - before > _SLICE_SECONDS else min(_SLICE, most * 2)
            if ended - begun > _ALL_PATIENCE:
                raise self._refused("interrupted")
            alive()

    def _box(self, text: Document) -> Box:
        if self._measure is None:
            return 0.0, 0.0, 0.0, 0.0
        left, top, right, bottom = (round(side, 3) for side in self._measure(text))
        return left, top, right, bottom

    def _ask(self, command: str, argument: str | int = "") -> str:
        try:
            return str(self._api(command, argument))
        except JSException as error:
            raise self._refused(str(error)) from error

    def _read(self, command: str, argument: str | int = "") -> Any:
        return msgspec.json.decode(self._ask(command, argument))

    def _refused(self, error: str) -> TemplateRefused:
        """What ended the whole evaluation: one expression without an end, or too much memory."""
        if "interrupted" in error:
            self._context.set_time_limit(-1)
            layer, name = msgspec.json.decode(str(self._api("where", "")))
            detail = f"The expression of {name} of the layer {layer[:60]!r} does not end; correct it, or convert it to keyframes."
            return TemplateRefused("lottie.expression_endless", detail, layer[:80])
        said = error.splitlines()[0][:100] if error else "no more is known"
        detail = f"The animation's expressions cannot be evaluated together ({said}); simplify them, or convert them to keyframes."
        return TemplateRefused("lottie.too_complex", detail)

    def _header(self, times: list[float]) -> Document:
        texts = dict.fromkeys(place.prop["x"][:_LONGEST] for place in self._found.places)
        targets = [
            {
                "comp": place.comp,
                "layer": place.layer,
                "path": place.path,
                "name": place.name,
                "from": place.first,
                "to": place.last,
                "scale": _WHOLE[_digits(place)],
            }
            for place in self._seen
        ]
        order = [{"comp": index, "uses": [_use(use) for use in self._found.uses[index]]} for index in self._found.order]
        codes = [(text, guarded(text, objects=objects), objects) for text in texts for objects in (uses_objects(text),)]
        comps = [self._comp(comp, index) for index, comp in enumerate(self._found.comps)]
        return {
            "rate": float(self._document["fr"]),
            "budget": _BUDGET,
            "mostNumbers": _MOST_NUMBERS,
            "mostLetters": _MOST_LETTERS,
            "order": order,
            "targets": targets,
            "codes": codes,
            "comps": comps,
            "times": times,
        }

    def _comp(self, comp: Document, index: int) -> Document:
        document = self._document
        width, height = (number(comp.get(side), float(document[side])) for side in ("w", "h"))
        frames = float(document["op"]) - float(document.get("ip", 0))
        name = comp.get("nm")
        return {
            "id": str(comp.get("id", "")) if index else "",
            "nm": name if isinstance(name, str) else "",
            "w": width,
            "h": height,
            "frames": frames,
            "markers": comp.get("markers") if isinstance(comp.get("markers"), list) else [],
            "layers": [self._layer(layer, width, height) for layer in layers_of(comp)],
        }

    def _layer(self, layer: Document, width: float, height: float) -> Document:
        self._blobs.append(msgspec.json.encode(layer))
        kind, (first, last) = layer.get("ty"), ip_op(layer)
        sides = ("sw", "sh") if kind == SOLID else ("w", "h") if kind in (PRECOMP, IMAGE) else ("", "")
        return {
            "nm": layer["nm"] if isinstance(layer.get("nm"), str) else None,
            "ind": layer.get("ind") if isinstance(layer.get("ind"), int) else None,
            "ty": kind if isinstance(kind, int) else -1,
            "parent": layer.get("parent") if isinstance(layer.get("parent"), int) else None,
            "ip": first,
            "op": last,
            "st": number(layer.get("st"), 0.0),
            "sr": number(layer.get("sr"), 1.0) or 1.0,
            "w": number(layer.get(sides[0]), width),
            "h": number(layer.get(sides[1]), height),
            "ddd": bool(layer.get("ddd")),
            "hd": bool(layer.get("hd")),
            "refId": str(layer.get("refId", "")),
            "blob": len(self._blobs) - 1,
        }


def _use(use: Any) -> Document:
    return {"layer": use.layer, "comp": use.comp, "from": use.first, "to": use.last}


def _digits(place: Place) -> int:
    return 6 if place.fine else 4


def _write(place: Place, target: Document, times: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    """Write what was found for a property; one that was never seen keeps its own value."""
    prop, kind, count, fixed = place.prop, target["kind"], target["count"], target.get("fixed")
    if target["dropped"] or not count:
        return
    digits = _digits(place)
    scale = _WHOLE[digits]
    if kind in ("number", "vector"):
        parts = target["size"]
        flat = fixed if fixed is not None else target["values"]
        values = np.array(flat, np.float64).reshape(-1, parts) / scale
        moments = times[target["first"] : target["first"] + len(values)]
        write_numbers(prop, moments, values, _TOLERANCE[digits], single=kind == "number")
    elif kind == "path":
        paths = [_path(one, scale) for one in ([fixed] if fixed is not None else target["values"])]
        write_paths(prop, times[target["first"] :][: len(paths)].tolist(), paths)
    elif kind == "text":
        texts = [fixed] if fixed is not None else target["values"]
        write_held(prop, times[target["first"] :][: len(texts)].tolist(), texts)


def _path(path: Document, scale: float) -> Document:
    points = {side: (np.array(path[side], np.float64) / scale).reshape(-1, 2).tolist() for side in ("v", "i", "o")}
    return {**points, "c": path["c"]}
