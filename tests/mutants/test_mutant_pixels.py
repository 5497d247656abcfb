"""Pictures and mixed colours come out as they were meant, and each hole lets one through that does not."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.mutants import pixels
from tests.mutants.checks import Broken

Check = Callable[[], None]


@pytest.mark.parametrize("check", dict.fromkeys(check for check, _ in pixels.RED), ids=lambda check: check.__name__)
def test_the_promise_holds(check: Check) -> None:
    check()


@pytest.mark.parametrize(("check", "hole"), pixels.RED, ids=lambda one: getattr(one, "__name__", ""))
def test_a_hole_turns_it_red(check: Check, hole: pixels.Hole) -> None:
    with ExitStack() as stack, pytest.raises(Broken):
        hole.open(stack)
        check()
