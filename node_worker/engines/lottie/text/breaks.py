"""Where a text may be parted, by ICU: lines (UAX #14, with dictionaries for scripts without blanks) and clusters (UAX #29)."""

import functools

import icu

from node_worker.engines.lottie.text.bidi import unit_places

SOFT_HYPHEN = "\u00ad"


def lines(text: str) -> list[int]:
    """The places, counted in characters, at which a line may end; the end of the text is one."""
    return _places(text, _breaker("line"))


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
