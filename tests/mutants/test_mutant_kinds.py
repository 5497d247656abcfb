"""Work of every kind is given to one node, waits again when it failed, and is given up in the end; every mutant turns that red."""

from collections.abc import Callable

import pytest

from consumers.render.kinds import KINDS
from tests.mutants import kinds
from tests.mutants.checks import Broken

Check = Callable[[str], None]
RED: list[tuple[Check, kinds.Mutation]] = [
    (kinds.one_node_has_it, kinds.leases_are_not_told_to_the_kind),
    (kinds.what_failed_waits_again, kinds.ends_are_not_told_to_the_kind),
    (kinds.what_failed_waits_again, kinds.one_failure_is_enough),
    (kinds.it_is_given_up_in_the_end, kinds.failures_are_forgotten),
    (kinds.it_is_given_up_in_the_end, kinds.one_failure_is_enough),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("check", list(dict.fromkeys(check for check, _ in RED)), ids=lambda check: check.__name__)
def test_the_promise_holds(check: Check, kind: str) -> None:
    check(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("check", "mutation"), RED, ids=lambda one: one.__name__)
def test_the_mutant_turns_the_check_red(check: Check, mutation: kinds.Mutation, kind: str) -> None:
    with mutation(), pytest.raises(Broken):
        check(kind)


def test_a_node_makes_up_no_kind_of_file() -> None:
    kinds.a_file_is_of_a_kind_that_there_is()
    with kinds.every_word_is_a_kind_of_file(), pytest.raises(Broken):
        kinds.a_file_is_of_a_kind_that_there_is()
