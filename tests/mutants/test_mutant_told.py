"""People are told what their films will not look like, and every mutant turns its check red."""

from collections.abc import Callable

import pytest

from tests.mutants import told
from tests.mutants.checks import Broken


@pytest.mark.parametrize("check", [check for check, _ in told.RED], ids=lambda check: check.__name__)
def test_the_promise_holds(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(("check", "mutation"), told.RED, ids=lambda one: one.__name__)
def test_the_mutant_turns_the_check_red(check: Callable[[], None], mutation: told.Mutation) -> None:
    with mutation(), pytest.raises(Broken):
        check()
