"""A film's size and rate: what people write, and what a template brings."""

import pytest

from contracts.look import own_rate, own_size, rate_of


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        (29.97, (30000, 1001)),
        (29.9700012207031, (30000, 1001)),
        (23.98, (24000, 1001)),
        (23.976, (24000, 1001)),
        (59.94, (60000, 1001)),
        (30, (30, 1)),
        (29.9999, (30, 1)),
        (12.5, (25, 2)),
        ((30000, 1001), (30000, 1001)),
        ((60, 2), (60, 2)),
    ],
)
def test_rates_are_read_as_they_are_meant(given: float, rate: tuple[int, int]) -> None:
    assert rate_of(given) == rate


def test_a_templates_rate_stays_within_what_a_film_may_have() -> None:
    assert [own_rate(rate) for rate in (240.0, 0.1, 60.0, 29.9700012207031)] == [(120, 1), (1, 1), (60, 1), (30000, 1001)]


def test_a_templates_size_is_even_and_within_bounds() -> None:
    sizes = [(1080, 1920), (1081, 1921), (8192, 4096), (3, 3), (4000, 10)]
    assert [own_size(*size) for size in sizes] == [(1080, 1920), (1080, 1920), (4096, 2048), (16, 16), (4000, 16)]


def test_of_one_side_that_is_asked_for_the_other_follows() -> None:
    assert own_size(1080, 1920, (540, None)) == (540, 960)
    assert own_size(1080, 1920, (None, 960)) == (540, 960)
    assert own_size(1080, 1920, (1280, 720)) == (1280, 720)
    assert own_size(16, 8000, (4096, None)) == (4096, 4096)
