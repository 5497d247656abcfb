"""How much of an animator each letter gets: After Effects' range selectors, for all letters and moments at once.

Formulas as lottie-web draws them (TextSelectorProp); a selector counts letters, letters without blanks, words or lines, each from its
first one in reading order, whatever the direction of the script.
"""

import hashlib
from typing import Any

import numpy as np

from contracts.letters import LINE_END
from node_worker.engines.lottie.elements import text_documents
from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.text.letters import Letter
from node_worker.engines.lottie.text.samples import Array, bezier, sample
from node_worker.engines.lottie.upgrade import all_layers

Document = dict[str, Any]
_LETTERS, _SOLID_LETTERS, _WORDS, _LINES = 1, 2, 3, 4  # what a selector counts
_UP, _DOWN, _TRIANGLE, _ROUND, _SMOOTH = 2, 3, 4, 5, 6  # a selector's shape; any other is a square
_BY_INDEX = 2  # start, end and offset are counted in letters, not in percent
_RANGE = 0  # a selector's type
_SOFT = 100  # per cent of smoothness: a range's edge is as wide as a letter
_SHARPEST = 1e-8  # of a smoothness of 0
PROPERTIES = ("s", "e", "o", "a", "xe", "ne", "sm")  # of a selector
_VALUES = "flatrender:values"  # of an expression selector: a property for each thing that it counts
_MOST = 300  # things that an expression selector counts
_PREFACE = "var textIndex = {index}, textTotal = {total}, selectorValue = 100;\n{text}"
_THREE = "\nif (typeof $bm_rt === 'number') $bm_rt = [$bm_rt, $bm_rt, $bm_rt];"


def selectors_of(animator: Document) -> list[Document]:
    """An animator's selectors; it holds one, or a list of them."""
    held = animator.get("s")
    return list(objects(held)) if isinstance(held, list) else [held] if isinstance(held, dict) else []


def spell_out(document: Document) -> None:
    """Give expression selectors a property for each letter, word or line, so that expressions are evaluated for each by itself."""
    for layer in all_layers(document):
        text = layer.get("t")
        shown = next(iter(text_documents(layer)), None)
        for animator in objects(text.get("a")) if isinstance(text, dict) and shown is not None else ():
            for selector in selectors_of(animator):
                expression = selector.get("x")
                if not is_range(selector) and isinstance(expression, str) and shown is not None:
                    total = min(_units(shown["t"], number(selector.get("b"))), _MOST)
                    whole = expression + _THREE if "$bm_rt" in expression else expression
                    texts = [_PREFACE.format(index=index + 1, total=total, text=whole) for index in range(total)]
                    selector[_VALUES] = [{"a": 0, "k": [100, 100, 100], "x": one} for one in texts]
                    del selector["x"]


def _units(text: str, basis: float) -> int:
    """How many things a selector counts in a text that is not shaped yet."""
    lines = [line for line in LINE_END.split(text) if line]
    if basis == _LINES:
        return len(lines)
    if basis == _WORDS:
        return len(text.split())
    return sum(len("".join(line.split()) if basis == _SOLID_LETTERS else line) for line in lines)


def values_of(selector: Document) -> list[Document]:
    """The values of an expression selector, a property for each thing that it counts; none of a range."""
    return list(objects(selector.get(_VALUES)))


def is_known(selector: Document) -> bool:
    """Whether a selector is drawn as it says."""
    return is_range(selector) or bool(values_of(selector))


def is_range(selector: Document) -> bool:
    """Whether it is a range; wiggly and expression selectors are not."""
    return selector.get("t") in (None, False, _RANGE)


def is_sharp(selector: Document) -> bool:
    """Whether letters jump rather than glide where a range's edge passes them."""
    held = selector.get("sm")
    return isinstance(held, dict) and held.get("k") != _SOFT


def amounts(selectors: list[Document], letters: list[Letter], times: Array, seed: str) -> Array:
    """The share of an animator, by moments, letters and directions (across, down, around); 1 is all of it.

    Several selectors are multiplied, which is what intersecting them means, as After Effects does unless told otherwise.
    """
    total = np.ones((len(times), len(letters), 3))
    for place, selector in enumerate(selectors):
        if is_range(selector):
            total *= _amounts(selector, letters, times, f"{seed}.{place}")[:, :, np.newaxis]
        elif held := values_of(selector):
            index, _ = counted(number(selector.get("b")), letters)
            values = np.stack([sample(one, times, (100.0, 100.0, 100.0)) / 100 for one in held], axis=1)
            total *= values[:, np.minimum(index, len(held) - 1).astype(int)]
    return total


def counted(basis: float, letters: list[Letter]) -> tuple[Array, int]:
    """Each letter's number among what a selector counts, and how many there are. A blank has the number of what it follows or leads to."""
    found: list[int] = []
    count, before = -1, None
    for letter in letters:
        new_line = before is not None and letter.line != before.line
        if basis == _SOLID_LETTERS:
            found.append(count + 1)
            count += not letter.blank
        elif basis == _WORDS:
            starts = not letter.blank and (before is None or before.blank or new_line)
            count += starts
            found.append(max(count, 0))
        elif basis == _LINES:
            count += before is None or new_line
            found.append(count)
        else:
            count += 1
            found.append(count)
        before = letter
    return np.array(found, float), max(count + 1, 1)


def _amounts(selector: Document, letters: list[Letter], times: Array, seed: str) -> Array:
    index, total = counted(number(selector.get("b")), letters)
    if selector.get("rn") in (1, True):
        index = _shuffled(total, seed)[np.minimum(index, total - 1).astype(int)]
    divisor = 1.0 if selector.get("r") == _BY_INDEX else 100 / total
    offset, one, other = (
        sample(selector.get(name), times, (default,))[:, :1] / divisor for name, default in (("o", 0.0), ("s", 0.0), ("e", 100.0))
    )
    start, end = np.minimum(one, other) + offset, np.maximum(one, other) + offset
    mult = _eased(_shape(selector.get("sh"), index[np.newaxis], start, end), selector, times)
    return mult * sample(selector.get("a"), times, (100.0,))[:, :1] / 100


def _shape(kind: object, index: Array, start: Array, end: Array) -> Array:
    span = end - start
    safe = np.where(span == 0, 1.0, span)
    rising = np.clip((0.5 + index - start) / safe, 0.0, 1.0)
    if kind in (_UP, _DOWN):
        up = np.where(span == 0, index >= end, rising)
        return up if kind == _UP else 1 - up
    if kind == _TRIANGLE:
        found = 1 - np.abs(2 * rising - 1)
    elif kind == _ROUND:
        found = np.sqrt(np.maximum(0.0, 1 - (2 * rising - 1) ** 2))
    elif kind == _SMOOTH:
        found = (1 + np.cos(np.pi + 2 * np.pi * rising)) / 2
    else:
        partly = np.clip(np.minimum(end, 1) - (start - index), 0.0, 1.0)
        inside = np.where(index - start < 0, partly, np.clip(end - index, 0.0, 1.0))
        return np.where(index >= np.floor(start), inside, 0.0)
    return np.where(span == 0, 0.0, found)


def _eased(mult: Array, selector: Document, times: Array) -> Array:
    """Apply the easing at the range's high (`xe`) and low end (`ne`), then the smoothness of its edge."""
    high, low, smooth = (sample(selector.get(name), times, (default,))[:, 0] for name, default in (("xe", 0.0), ("ne", 0.0), ("sm", 100.0)))
    for above, below in sorted({*zip(high.tolist(), low.tolist(), strict=True)} - {(0.0, 0.0)}):
        here = (high == above) & (low == below)
        x1, y1 = (below / 100, 0.0) if below > 0 else (0.0, -below / 100)
        x2, y2 = (1 - above / 100, 1.0) if above > 0 else (1.0, 1 + above / 100)
        mult[here] = bezier(mult[here], x1, y1, x2, y2)
    if (smooth == 100).all():
        return mult
    share = np.maximum(smooth / 100, _SHARPEST)[:, np.newaxis]
    return np.clip((mult - (0.5 - share / 2)) / share, 0.0, 1.0)


def _shuffled(total: int, seed: str) -> Array:
    """An order that looks random and is the same on every node."""
    order = sorted(range(total), key=lambda one: hashlib.sha256(f"{seed}.{one}".encode()).digest())
    return np.array(order, float)
