"""A text stands where a browser puts it; and ways of laying texts out that let it stand elsewhere."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from unittest.mock import patch

import icu

from node_worker.engines.lottie.text import bidi, breaks, layout, shaping
from tests.documents.texts import REFERENCES, differences
from tests.mutants.checks import Broken

Mutation = Callable[[], AbstractContextManager[object]]
_MEASURED = json.loads(REFERENCES.read_text(encoding="utf-8"))


def stands_right(name: str) -> None:
    """Compare a text with a browser's. Raises Broken."""
    if found := differences(name, _MEASURED):
        raise Broken("; ".join(found))


def brackets_are_neutral() -> AbstractContextManager[object]:
    """Brackets are resolved one by one, as before Unicode 6.3."""
    plain, known = bidi.levels, str.maketrans("()[]{}", "!!!!!!")
    return patch.object(layout.bidi, "levels", lambda text, reading: plain(text.translate(known), reading))


def isolates_are_letters() -> AbstractContextManager[object]:
    """What is isolated works on what stands around it."""
    plain, known = bidi.levels, str.maketrans("\u2066\u2067\u2068\u2069", "\u200b" * 4)
    return patch.object(layout.bidi, "levels", lambda text, reading: plain(text.translate(known), reading))


def line_ends_keep_their_levels() -> AbstractContextManager[object]:
    """Blanks between lines stay where the paragraph had them."""
    return patch.object(bidi.Levels, "line", lambda levels, start, end: tuple(1 - level for level in levels.of[start:end]))


def lines_end_at_blanks_alone() -> AbstractContextManager[object]:
    return patch.object(breaks, "lines", lambda text: [*(at + 1 for at, char in enumerate(text) if char == " "), len(text)])


def joined_letters_are_spaced() -> AbstractContextManager[object]:
    return patch.object(shaping, "CURSIVE", frozenset())


def lines_stay_ragged() -> AbstractContextManager[object]:
    return patch.object(layout, "_justify", lambda line, limit: None)


def clusters_are_characters() -> AbstractContextManager[object]:
    """Emoji of several characters are drawn one by one."""
    return patch.object(breaks, "clusters", lambda text: list(range(1, len(text) + 1)))


def digits_are_letters() -> AbstractContextManager[object]:
    """Numbers take the direction around them."""
    plain = bidi.levels

    def wrong(text: str, reading: bidi.Reading) -> bidi.Levels:
        kinds = {char: icu.Char.isdigit(char) for char in text}
        return plain("".join("ا" if kinds[char] else char for char in text), reading)

    return patch.object(layout.bidi, "levels", wrong)
