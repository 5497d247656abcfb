"""Expressions give the same whatever was evaluated before, and each change of the language that lets something in is noticed."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.mutants import expressions
from tests.mutants.checks import Broken

Hole = Callable[[], AbstractContextManager[object]]
RED: list[tuple[Callable[[], None], Hole]] = [
    (expressions.the_order_of_layers_changes_no_value, expressions.values_within_circles_are_kept),
    (expressions.a_picture_alone_has_the_values_of_the_whole, expressions.chance_goes_on_from_frame_to_frame),
    (expressions.a_picture_alone_has_the_values_of_the_whole, expressions.globals_can_be_written),
]


@pytest.mark.parametrize("promise", dict.fromkeys(promise for promise, _ in RED), ids=lambda one: one.__name__)
def test_the_promise_holds(promise: Callable[[], None]) -> None:
    promise()


@pytest.mark.parametrize(("promise", "hole"), RED, ids=lambda one: one.__name__)
def test_a_hole_turns_it_red(promise: Callable[[], None], hole: Hole) -> None:
    with hole(), pytest.raises(Broken):
        promise()
