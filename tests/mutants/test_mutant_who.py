"""Whoever asks may no more than they may, and every mutant turns its check red."""

from collections.abc import Callable

import pytest

from tests.mutants import who
from tests.mutants.checks import Broken

Check = Callable[[], None]
RED: list[tuple[Check, who.Mutation]] = [
    (who.the_platform_is_the_first_tenants_alone, who.every_area_is_everybodys),
    (who.who_acts_as_another_makes_no_credentials, who.acting_is_being),
    (who.who_acts_as_another_makes_no_credentials, who.the_other_is_not_named),
    (who.what_has_ended_has_no_stream, who.streams_go_on),
    (who.what_has_ended_has_no_stream, who.whoever_came_in_stands),
]


@pytest.mark.parametrize("check", dict.fromkeys(check for check, _ in RED), ids=lambda check: check.__name__)
def test_who_asks_may_no_more_than_they_may(check: Check) -> None:
    check()


@pytest.mark.parametrize(("check", "mutation"), RED, ids=lambda one: one.__name__)
def test_a_mutant_turns_it_red(check: Check, mutation: who.Mutation) -> None:
    with mutation(), pytest.raises(Broken):
        check()
