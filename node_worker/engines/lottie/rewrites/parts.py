"""What rewrites share: ways through a document's shapes, properties written anew, and a bound on what they may add."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.upgrade import all_layers

Document = dict[str, Any]
MOST_SAMPLES = 300  # of one keyframe's way; longer ones are sampled in larger steps
PAINTS = frozenset(("fl", "st", "gf", "gs"))
STROKES = frozenset(("st", "gs"))
FADE = "fade"  # stands for a group that is not opaque, among the types of shapes
OUTLINES = frozenset(("rc", "el", "sr", "sh"))


class Budget:
    """How much a rewrite may add to a document, in keyframes or shapes: a hostile one must not grow without bound."""

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, count: int) -> bool:
        """Whether so much is left; if so, it is taken."""
        if count > self._left:
            return False
        self._left -= count
        return True


class Shape(NamedTuple):
    """A shape with its list, its place there, and the types of all that stands behind it and acts on it."""

    item: Document
    items: list[Any]
    place: int
    behind: frozenset[str]


def name_of(part: Document) -> str:
    """A layer's name, as warnings name elements."""
    name = part.get("nm")
    return name[:80] if isinstance(name, str) else ""


def kind_of(part: Document) -> Any:
    """The type of a layer, shape, effect or style, as it stands there; "" for what can be none."""
    kind = part.get("ty")
    return kind if isinstance(kind, (str, int, float)) else ""


def shape_layers(document: Document) -> Iterator[Document]:
    """Every layer that holds a list of shapes."""
    return (layer for layer in all_layers(document) if isinstance(layer.get("shapes"), list))


def shape_lists(items: object) -> Iterator[list[Any]]:
    """A list of shapes and those of all its groups, the outer ones first."""
    if isinstance(items, list):
        yield items
        for item in objects(items):
            if kind_of(item) == "gr":
                yield from shape_lists(item.get("it"))


def kinds_of(document: Document) -> frozenset[str]:
    """The types of all shapes of a document, and FADE where a group is not opaque."""
    found: set[Any] = set()
    for layer in shape_layers(document):
        for items in shape_lists(layer["shapes"]):
            for item in items:
                if isinstance(item, dict):
                    kind = kind_of(item)
                    found.add(kind if isinstance(kind, str) else None)
                    if kind == "tr" and FADE not in found and _is_faded(item.get("o")):
                        found.add(FADE)
    return frozenset(found)


def _is_faded(opacity: object) -> bool:
    return opacity is not None and not (isinstance(opacity, dict) and opacity.get("k") in (100, [100]))


def shapes(items: object, behind: frozenset[str] = frozenset()) -> Iterator[Shape]:
    """Every shape of a list and its groups, the last first; hidden ones are left out. The list may be changed behind the place."""
    if not isinstance(items, list):
        return
    for index in reversed(range(len(items))):
        item = items[index]
        if not isinstance(item, dict) or item.get("hd"):
            continue
        kind = kind_of(item)
        if kind == "gr":
            yield from shapes(item.get("it"), behind)
        yield Shape(item, items, index, behind)
        behind |= {kind}


def still(value: object) -> Document:
    """A property that does not move."""
    return {"a": 0, "k": value}


def linear(moments: Iterable[tuple[float, list[Any]]]) -> Document:
    """A property that goes in straight lines through values at frames; one value alone is still."""
    frames: list[Document] = [{"t": frame, "s": value} for frame, value in moments]
    value = frames[0]["s"]
    if all(frame["s"] == value for frame in frames):
        return still(value[0] if len(value) == 1 and not isinstance(value[0], dict) else value)
    return {"a": 1, "k": frames}


def identity() -> Document:
    """A group's transformation that changes nothing."""
    return {
        "ty": "tr",
        "p": still([0, 0]),
        "a": still([0, 0]),
        "s": still([100, 100]),
        "r": still(0),
        "o": still(100),
        "sk": still(0),
        "sa": still(0),
    }


def group(items: list[Any], **transform: Document) -> Document:
    """A group of shapes with a transformation."""
    return {"ty": "gr", "it": [*items, {**identity(), **transform}]}


def span_of(properties: Iterable[object]) -> tuple[float, float] | None:
    """The first and the last frame at which one of some properties changes; None if all are still."""
    times = [float(frame["t"]) for prop in properties for frame in _all_frames(prop)]
    return (min(times), max(times)) if times else None


def frames_between(first: float, last: float, times: Iterable[float] = (), most: int = MOST_SAMPLES) -> list[float]:
    """The frames at which a way is sampled: its ends, the whole frames between in even steps, and given times."""
    step = max(1, -(-int(last - first) // most))
    start = -(-first // 1)
    found = {first, last, *(time for time in times if first <= time <= last)}
    found.update(start + step * n for n in range(int(max(0.0, last - start) // step) + 1))
    return sorted(found)


def frames_of(properties: Iterable[object], most: int = MOST_SAMPLES) -> list[float]:
    """The frames at which some properties are sampled together: all that they change at and the whole ones between; 0 if all are still."""
    props = [*properties]
    span = span_of(props)
    return [0.0] if span is None else frames_between(*span, [time for prop in props for time in sampling.key_times(prop)], most)


def cost_of(frames: list[float], properties: Iterable[object]) -> int:
    """What it costs to look at properties at frames: as many keyframes, and more where each look goes through many."""
    return len(frames) * (1 + sum(1 for prop in properties for _ in _all_frames(prop)) // 20)


def _all_frames(prop: object) -> Iterator[Document]:
    if isinstance(prop, dict):
        for axis in ("x", "y"):
            if isinstance(prop.get(axis), dict):
                yield from sampling.keyframes(prop[axis])
    yield from sampling.keyframes(prop)
