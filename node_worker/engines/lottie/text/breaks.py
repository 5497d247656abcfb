"""Where a text may be parted, by ICU: lines (UAX #14, with dictionaries for scripts without blanks) and clusters (UAX #29)."""

import functools

import icu

from node_worker.engines.lottie.text.bidi import unit_places

SOFT_HYPHEN = "\u00ad"
_PARTING = frozenset(" -/?|")  # signs of ASCII after which a line may end before another one
_LAST_SIGN = "\x7e"


def lines(text: str) -> list[int]:
    """The places, counted in characters, at which a line may end; the end of the text is one.

    Between two signs of ASCII there are fewer than UAX #14 allows, as in browsers, which part neither C++ nor a%b: what parts addresses
    and compounds is left.
    """
    return [place for place in _places(text, _breaker("line")) if place == len(text) or _parts(text[place - 1], text[place])]


def _parts(before: str, after: str) -> bool:
    return before in _PARTING or before > _LAST_SIGN or after > _LAST_SIGN


def clusters(text: str) -> list[int]:
    """The places at which a cluster of characters that readers take for one ends."""
    if text.isascii():
        return list(range(1, len(text) + 1))  # a carriage return with its line feed would be one; paragraphs hold neither
    return _places(text, _breaker("cluster"))


@functools.cache
def _breaker(kind: str) -> icu.BreakIterator:
    # The root's rules and all dictionaries: a text's language is not known, and a node's own must change no pixel.
    make = icu.BreakIterator.createLineInstance if kind == "line" else icu.BreakIterator.createCharacterInstance
    return make(icu.Locale.getRoot())


def _places(text: str, breaker: icu.BreakIterator) -> list[int]:
    if not text:
        return []
    units = unit_places(text)
    breaker.setText(text)
    found = list(breaker)
    if units is None:
        return found
    characters = {unit: index for index, unit in enumerate(units)}
    return [characters[unit] for unit in found]
