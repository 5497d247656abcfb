"""What a property is worth at a frame, by the meaning that After Effects and the format give to keyframes."""

import itertools
from typing import Any

import pytest

from node_worker.engines.lottie import sampling

LINEAR = {"i": {"x": [1], "y": [1]}, "o": {"x": [0], "y": [0]}}
EASE = {"i": {"x": [0.58], "y": [1]}, "o": {"x": [0.42], "y": [0]}}


def keyed(*frames: dict[str, Any]) -> dict[str, Any]:
    return {"a": 1, "k": list(frames)}


def test_a_still_property_is_worth_the_same_at_every_frame() -> None:
    assert sampling.numbers({"a": 0, "k": [3, 4]}, 17) == [3, 4]
    assert sampling.value({"k": 5}, 0) == 5
    assert sampling.value(None, 0, 7.0) == sampling.value({"k": "x"}, 0, 7.0) == 7


def test_before_the_first_and_after_the_last_keyframe_values_stay() -> None:
    prop = keyed({"t": 10, "s": [1], **LINEAR}, {"t": 20, "s": [3]})
    assert [sampling.value(prop, frame) for frame in (0, 10, 15, 20, 99)] == [1, 1, 2, 3, 3]


def test_the_last_keyframe_of_an_old_document_takes_the_end_of_the_one_before() -> None:
    prop = keyed({"t": 0, "s": [1], "e": [5], **LINEAR}, {"t": 10})
    assert [sampling.value(prop, frame) for frame in (5, 10, 40)] == [3, 5, 5]


def test_a_hold_jumps_at_the_next_keyframe() -> None:
    prop = keyed({"t": 0, "s": [1], "h": 1}, {"t": 10, "s": [2], "h": 1})
    assert [sampling.value(prop, frame) for frame in (0, 9.999, 10)] == [1, 1, 2]


def test_an_easing_is_the_cubic_curve_of_its_handles() -> None:
    prop = keyed({"t": 0, "s": [0], **EASE}, {"t": 10, "s": [1]})
    # Values of CSS' ease-in-out, the same curve, by its definition.
    assert [round(sampling.value(prop, frame), 4) for frame in (1, 2.5, 5, 9)] == [0.0197, 0.1292, 0.5, 0.9803]


def test_each_direction_has_its_own_easing() -> None:
    handles = {"i": {"x": [1, 0.58], "y": [1, 1]}, "o": {"x": [0, 0.42], "y": [0, 0]}}
    prop = keyed({"t": 0, "s": [0, 0], **handles}, {"t": 10, "s": [10, 10]})
    assert [round(part, 3) for part in sampling.numbers(prop, 2.5)] == [2.5, 1.292]


def test_a_curved_way_is_walked_at_even_speed() -> None:
    prop = keyed({"t": 0, "s": [0, 0, 9], "to": [0, 90, 0], "ti": [0, 10, 0], **LINEAR}, {"t": 100, "s": [100, 0, 9]})
    places = [sampling.place(prop, frame) for frame in range(101)]
    steps = [sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 for one, other in itertools.pairwise(places)]
    assert max(steps) < 1.02 * min(steps)
    assert sampling.numbers(prop, 50)[2] == 9


def test_handles_that_lie_on_the_way_leave_it_straight() -> None:
    prop = keyed({"t": 0, "s": [0, 0], "to": [30, 0], "ti": [-5, 0], **LINEAR}, {"t": 10, "s": [100, 0]})
    assert sampling.place(prop, 2.5) == (25, 0)


def test_a_place_may_be_two_properties() -> None:
    place = {"s": True, "x": keyed({"t": 0, "s": [0], **LINEAR}, {"t": 10, "s": [10]}), "y": {"a": 0, "k": 4}}
    assert sampling.place(place, 5) == (5, 4)
    assert sampling.is_animated(place)


def test_paths_are_mixed_corner_by_corner() -> None:
    def square(side: float) -> dict[str, Any]:
        return {"v": [[0, 0], [side, 0], [side, side]], "i": [[0, 0]] * 3, "o": [[0, 0]] * 3, "c": True}

    prop = keyed({"t": 0, "s": [square(10)], **LINEAR}, {"t": 10, "s": [square(20)]})
    found = sampling.path(prop, 5)
    assert found is not None
    assert found["v"] == [[0, 0], [15, 0], [15, 15]]
    assert found["c"] is True


@pytest.mark.parametrize(
    "k", [None, [], {}, "x", [{}], [{"t": "now", "s": [1]}], [{"t": 1}], [{"t": 1, "s": {"x": 1}}], {"v": 5, "i": 5, "o": 5}]
)
def test_what_makes_no_sense_is_worth_the_default(k: Any) -> None:
    assert sampling.value({"k": k}, 3, 8.0) == 8
    assert sampling.path({"k": k}, 3) is None
