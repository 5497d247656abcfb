"""How large and how turned each picture of a document is seen at most, through parents and compositions."""

import math
from typing import Any, NamedTuple

from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.reach import reach, widest
from node_worker.engines.lottie.schema import IMAGE, PRECOMP

Document = dict[str, Any]
_DEEPEST = 48  # compositions within each other, and parents; more are refused later
_MOST = 20_000  # layers looked at, with every use of a composition counted
_LARGEST = 100.0
_SEEN_AT_REST = 5  # frames


Linear = tuple[float, float, float, float]  # a, b, c, d: x' = a x + c y, y' = b x + d y


class View(NamedTuple):
    """What a chain of transformations makes of a picture."""

    zoom: float = 1.0  # how many times as large it is at most
    least: float = 1.0  # and at least
    rest: float = 1.0  # and where it has come to rest; 0 if it never does
    turned: bool = False  # whether it may lie askew
    moves: bool = False  # whether its place changes
    still: Linear | None = (1.0, 0.0, 0.0, 1.0)  # the transformation without its place, if it is always the same

    def after(self, inner: "View") -> "View":
        """This view of what `inner` is seen by."""
        return View(
            zoom=min(_LARGEST, self.zoom * inner.zoom),
            least=self.least * inner.least,
            rest=self.rest * inner.rest,
            turned=self.turned or inner.turned,
            moves=self.moves or inner.moves,
            still=_times(self.still, inner.still) if self.still and inner.still else None,
        )

    def with_(self, other: "View") -> "View":
        """The view that serves both."""
        return View(
            zoom=max(self.zoom, other.zoom),
            least=min(self.least, other.least),
            rest=self.rest if self.rest == other.rest else 0.0,
            turned=self.turned or other.turned,
            moves=self.moves or other.moves,
            still=self.still if self.still == other.still else None,
        )


def _times(one: Linear, other: Linear) -> Linear:
    a, b, c, d = one
    e, f, g, h = other
    return a * e + c * f, b * e + d * f, a * g + c * h, b * g + d * h


def views(document: Document) -> dict[str, View]:
    """The view of each picture that a layer shows, by its asset's id, in the composition's pixels."""
    compositions = {str(asset.get("id")): asset for asset in objects(document.get("assets")) if isinstance(asset.get("layers"), list)}
    found: dict[str, View] = {}
    todo: list[tuple[Document, View, int]] = [(document, View(), 0)]
    seen: set[tuple[int, View]] = set()
    count = 0
    while todo and count < _MOST:
        owner, view, depth = todo.pop()
        if (id(owner), view) in seen or depth > _DEEPEST:
            continue
        seen.add((id(owner), view))
        layers = list(objects(owner.get("layers")))
        count += len(layers)
        own = {index: layer for layer in reversed(layers) if not math.isnan(index := number(layer.get("ind")))}
        for layer in layers:
            name = str(layer.get("refId"))
            if layer.get("ty") == IMAGE or (layer.get("ty") == PRECOMP and name in compositions):
                whole = view.after(_of_chain(layer, own))
                if layer["ty"] == IMAGE:
                    found[name] = found[name].with_(whole) if name in found else whole
                else:
                    todo.append((compositions[name], whole, depth + 1))
    return found


def _of_chain(layer: Document, own: dict[float, Document]) -> View:
    """The view of a layer's content, through its parents."""
    view = View()
    for _ in range(_DEEPEST):
        view = _of_transform(layer).after(view)
        parent = own.get(number(layer.get("parent")))
        if parent is None:
            break
        layer = parent
    return view


def _of_transform(layer: Document) -> View:
    transform = layer.get("ks")
    if not isinstance(transform, dict):
        return View()
    bounds = reach(transform.get("s"), 2)
    mirrored = bounds is not None and bounds[0] < 0
    turned = mirrored or layer.get("ao") == 1 or any(_turns(transform.get(name)) for name in ("r", "sk", "rx", "ry", "rz", "or"))
    least = 1.0 if bounds is None else 0.0 if bounds[0] < 0 < bounds[1] else min(map(abs, bounds)) / 100
    moves = any(map(_animated, (transform.get("p"), transform.get("a"))))
    most = min(_LARGEST, widest(transform.get("s"), 100.0, 2) / 100)
    return View(most, min(_LARGEST, least), _rest(layer, transform.get("s"), most), turned, moves, _still(layer, transform))


def _rest(layer: Document, scale: object, most: float) -> float:
    """The scale after the last keyframe, if the layer is seen for some frames after it."""
    frames = list(objects(scale.get("k"))) if isinstance(scale, dict) else []
    if len(frames) < 2:
        return most
    last = frames[-1].get("s", frames[-2].get("e"))
    if not isinstance(last, list) or not number(layer.get("op")) - number(frames[-1].get("t")) > _SEEN_AT_REST:
        return 0.0
    found = [abs(value) / 100 for part in last[:2] if not math.isnan(value := number(part))]
    return min(_LARGEST, max(found, default=0.0))


def _still(layer: Document, transform: Document) -> Linear | None:
    """The transformation of a layer whose scale and turn never change, as far as it is one of these two."""
    scale, turn = _constant(transform.get("s"), [100.0, 100.0]), _constant(transform.get("r"), [0.0])
    if layer.get("ao") == 1 or any(_turns(transform.get(name)) for name in ("sk", "rx", "ry", "rz", "or")) or not scale or not turn:
        return None
    across, down = scale[0] / 100, scale[1 % len(scale)] / 100
    cosine, sine = math.cos(math.radians(turn[0])), math.sin(math.radians(turn[0]))
    return across * cosine, across * sine, -down * sine, down * cosine


def _constant(prop: object, default: list[float]) -> list[float] | None:
    if prop is None:
        return default
    if not isinstance(prop, dict) or isinstance(prop.get("x"), str):
        return None
    held = prop.get("k")
    found = [number(part) for part in (held if isinstance(held, list) else [held])]
    return found if found and all(map(math.isfinite, found)) else None


def _animated(prop: object) -> bool:
    """Whether a place changes: as one property, or in one of its directions."""
    if not isinstance(prop, dict):
        return False
    held = prop.get("k")
    keyed = isinstance(held, list) and bool(held) and isinstance(held[0], dict)
    return keyed or isinstance(prop.get("x"), str) or any(_animated(prop.get(axis)) for axis in ("x", "y"))


def _turns(prop: object) -> bool:
    if isinstance(prop, dict) and isinstance(prop.get("x"), str):
        return True
    return widest(prop) > 0
