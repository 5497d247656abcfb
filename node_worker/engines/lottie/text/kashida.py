"""Stretches words of joining scripts by kashida (U+0640) between two letters that join, where a justified text asks for it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import icu

from node_worker.engines.lottie.text.characters import CURSIVE, script_of
from node_worker.engines.lottie.text.shaping import Cluster

KASHIDA = "\u0640"
_MOST = 5  # in one word: longer strokes look like a mistake
_TYPES = icu.UProperty.JOINING_TYPE
_DUAL, _RIGHT, _TRANSPARENT = (icu.Char.getPropertyValueEnum(_TYPES, name) for name in ("D", "R", "T"))


def stretched(text: str, levels: Sequence[int], clusters: list[Cluster], room: float, width: float) -> tuple[str, tuple[int, ...]]:
    """A line's text and levels with as many kashidas as fill `room`, at most one place in a word, the last word first.

    `clusters` are the line's, counted from its start; `room` and the `width` of one kashida are in hundredths of an em. A ligature is one
    cluster, so that none is torn.
    """
    places = list(_joints(text, clusters))[::-1]
    count = int(room // width) if width > 0 else 0
    given = {place: min(_MOST, count // len(places) + (index < count % len(places))) for index, place in enumerate(places)}
    parts: list[str] = []
    found: list[int] = []
    for index, char in enumerate(text):
        more = given.get(index, 0)
        parts.append(KASHIDA * more + char)
        found += [levels[index]] * (more + 1)
    return "".join(parts), tuple(found)


def _joints(text: str, clusters: list[Cluster]) -> Iterator[int]:
    """For each word the last place between two of its clusters that join, before the latter's first character."""
    last: int | None = None
    for before, after in pairwise(sorted(clusters, key=lambda one: one.start)):
        if before.space and last is not None:
            yield last
            last = None
        if _joins(text[before.start : after.start], text[after.start]):
            last = after.start
    if last is not None:
        yield last


def _joins(before: str, after: str) -> bool:
    letters = [char for char in before if icu.Char.getIntPropertyValue(char, _TYPES) != _TRANSPARENT]
    if not letters or script_of(letters[-1]) not in CURSIVE or script_of(after) not in CURSIVE:
        return False
    onward = icu.Char.getIntPropertyValue(after, _TYPES)
    return icu.Char.getIntPropertyValue(letters[-1], _TYPES) == _DUAL and onward in (_DUAL, _RIGHT)
