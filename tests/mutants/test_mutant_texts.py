"""Texts stand where a browser puts them, and each wrong way of laying them out turns one red."""

import pytest

from node_worker.engines.lottie.text import faces
from tests.mutants import texts
from tests.mutants.checks import Broken

RED: list[tuple[texts.Mutation, str]] = [
    (texts.brackets_are_neutral, "persian_bracket_end"),
    (texts.isolates_are_letters, "isolate_latin"),
    (texts.line_ends_keep_their_levels, "persian_box_latin"),
    (texts.lines_end_at_blanks_alone, "soft_hyphens"),
    (texts.joined_letters_are_spaced, "persian_tracked"),
    (texts.lines_stay_ragged, "persian_filled"),
    (texts.clusters_are_characters, "emoji"),
    (texts.digits_are_letters, "persian_latin_digits"),
]


@pytest.mark.parametrize(("mutation", "name"), RED, ids=lambda one: one if isinstance(one, str) else one.__name__)
def test_a_wrong_way_turns_the_text_red(mutation: texts.Mutation, name: str) -> None:
    if name == "emoji" and faces.emoji() is None:
        pytest.skip("the font for emoji is not there")
    texts.stands_right(name)
    with mutation(), pytest.raises(Broken):
        texts.stands_right(name)
