"""What holds for letters that move and for an archive's files holds, and every mutant turns its check red."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mutants import letters
from tests.mutants.checks import Broken

Check = Callable[[Path], None]
RED: list[tuple[Check, letters.Mutation]] = [
    (letters.chance_is_the_same_everywhere, letters.chance_is_left_to_chance),
    (letters.words_are_counted, letters.all_is_letters),
    (letters.no_file_lies_outside_its_folder, letters.names_are_taken_as_they_are),
    (letters.a_theme_makes_other_pictures, letters.digests_know_documents_alone),
    (letters.backwards_ends_at_the_first_picture, letters.backwards_begins_behind_the_end),
]


@pytest.mark.parametrize("check", list(dict.fromkeys(check for check, _ in RED)), ids=lambda check: check.__name__)
def test_the_promise_holds(check: Check, tmp_path: Path) -> None:
    check(tmp_path)


@pytest.mark.parametrize(("check", "mutation"), RED, ids=lambda one: one.__name__)
def test_the_mutant_turns_the_check_red(check: Check, mutation: letters.Mutation, tmp_path: Path) -> None:
    with mutation(), pytest.raises(Broken):
        check(tmp_path)
