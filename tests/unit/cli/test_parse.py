"""Sizes, rates and colours as people write them."""

import pytest

from cli import parse


def test_sizes_are_read() -> None:
    assert parse.size("1280x720") == parse.size(" 1280 X 720 ") == parse.size("1280×720") == (1280, 720)


@pytest.mark.parametrize("text", ["", "1280", "1280x", "axb", "-1x5", "1280x720x3"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="1280x720"):
        parse.size(text)


def test_rates_are_exact_fractions() -> None:
    assert parse.rate("30") == (30, 1)
    assert parse.rate("30000/1001") == parse.rate("29.97") == (30000, 1001)
    assert parse.rate("23.976") == (24000, 1001)
    assert parse.rate("12.5") == (25, 2)


@pytest.mark.parametrize("text", ["", "0", "-30", "fast", "30/0", "nan", "inf"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"29\.97"):
        parse.rate(text)


def test_a_colour_has_six_digits_or_three_that_stand_for_two_each() -> None:
    assert parse.colour("#c63D5B") == "#c63D5B"
    assert parse.colour("#F0a") == "#FF00aa"
    for text in ("c63d5b", "#ffff", "red", "#GG0000"):
        with pytest.raises(ValueError, match="#RRGGBB"):
            parse.colour(text)
