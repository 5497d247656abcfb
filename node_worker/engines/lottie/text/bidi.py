"""Directions in a text, by ICU's form of UAX #9: a paragraph's own direction, embedding levels, and the visual order of a line."""

from collections.abc import Sequence
from typing import Literal

import icu
import msgspec

Reading = Literal["ltr", "rtl"]
_RIGHT = frozenset((icu.UCharDirection.RIGHT_TO_LEFT, icu.UCharDirection.RIGHT_TO_LEFT_ARABIC))
_STRONG = frozenset((icu.UCharDirection.LEFT_TO_RIGHT, *_RIGHT))
_MUCH, _MOST = 0.4, 0.5  # of the words of a text that begins from the left: where more are from the right, so is the text
_FEW = 2  # letters: a place that holds fewer, as "x" for what is to come, tells nothing of how it is to be read
_CLOSING = frozenset(".!?:;…؟؛۔")


def right_to_left(char: str) -> bool:
    """Whether a character is a letter that is read from right to left."""
    return char > "\u058f" and icu.Char.charDirection(char) in _RIGHT


def reads(text: str, hint: Reading | None = None) -> Reading:
    """Which way a text reads, judged by its letters; `hint` is the way in which its place was meant to be read.

    Letters of one kind decide. Where both kinds stand, a place that is read from the right stays so; else the first letter decides, but
    for a text that begins with a brand: where more than two words in five are from the right in a place that does not tell, or in a
    sentence that ends from the right, or more than half of them, the text is.
    """
    directions = [direction for char in text if (direction := icu.Char.charDirection(char)) in _STRONG]
    if not directions:
        return hint or "ltr"
    right = [direction in _RIGHT for direction in directions]
    if not any(right):
        return "ltr"
    if all(right) or hint == "rtl" or right[0]:
        return "rtl"
    share = _share(text)
    return "rtl" if share > _MOST or (share > _MUCH and (hint is None or _ends_from_the_right(text))) else "ltr"


def _ends_from_the_right(text: str) -> bool:
    """Whether after a text's last letter, one from the right, stands a sign that ends a sentence: it would stand on the wrong side."""
    last = next((index for index in reversed(range(len(text))) if icu.Char.charDirection(text[index]) in _STRONG), 0)
    return right_to_left(text[last]) and not _CLOSING.isdisjoint(text[last + 1 :])


def meant_to_read(text: object) -> Reading | None:
    """The way in which a template's own text reads; None where it holds too few letters to tell, or is no text."""
    if not isinstance(text, str) or sum(icu.Char.charDirection(char) in _STRONG for char in text) < _FEW:
        return None
    return reads(text, "ltr")


def _share(text: str) -> float:
    """The part of a text's words that begin from the right, of all that have letters."""
    firsts = [next((direction for char in word if (direction := icu.Char.charDirection(char)) in _STRONG), None) for word in text.split()]
    counted = [first in _RIGHT for first in firsts if first is not None]
    return sum(counted) / len(counted)


class Levels(msgspec.Struct, frozen=True):
    """A paragraph's levels: of itself (0 from the left, 1 from the right) and of each character in reading order."""

    base: int
    of: tuple[int, ...]
    _bidi: icu.Bidi
    _text: icu.UnicodeString  # ICU keeps no copy of it
    _units: tuple[int, ...] | None

    def line(self, start: int, end: int) -> tuple[int, ...]:
        """The levels of the characters of a line, white space at its end taken to the paragraph's level (rule L1)."""
        if start == end:
            return ()
        units = self._units
        first, last = (units[start], units[end]) if units else (start, end)
        found = self._bidi.setLine(first, last).getLevels()
        return tuple(found[units[index] - first] for index in range(start, end)) if units else tuple(found)


def levels(text: str, reading: Reading) -> Levels:
    """Find the levels of a paragraph's characters; of a text that holds several paragraphs, each takes the same direction."""
    bidi, base = icu.Bidi(), 1 if reading == "rtl" else 0
    if not text:
        return Levels(base, (), bidi, icu.UnicodeString(""), None)
    units, whole = unit_places(text), icu.UnicodeString(text)
    bidi.setPara(whole, base)
    found = bidi.getLevels()
    return Levels(base, tuple(found[unit] for unit in units[:-1]) if units else tuple(found), bidi, whole, units)


def unit_places(text: str) -> tuple[int, ...] | None:
    """Where each character, and the end, lies in the text's UTF-16, in which ICU counts; None if they are the same."""
    if text.isascii() or max(text) < "\U00010000":
        return None
    places = [0]
    for char in text:
        places.append(places[-1] + (2 if char > "\uffff" else 1))
    return tuple(places)


def visual_order(found: Sequence[int]) -> list[int]:
    """Positions from left to right for items with these levels (rule L2)."""
    order = list(range(len(found)))
    for level in range(max(found, default=0), 0, -1):
        start = 0
        while start < len(order):
            if found[order[start]] < level:
                start += 1
                continue
            end = start
            while end < len(order) and found[order[end]] >= level:
                end += 1
            order[start:end] = reversed(order[start:end])
            start = end
    return order
