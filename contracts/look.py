"""A film's size and rate: what people write, and what a template brings where they write nothing."""

from fractions import Fraction

SMALLEST, LARGEST = 16, 4096  # pixels of a side
SLOWEST, FASTEST = 1, 120  # frames per second
# What broadcasters mean by 29.97 and its kin: so many thousands, divided by 1001.
_NTSC = tuple(Fraction(1000 * number, 1001) for number in (12, 15, 24, 30, 48, 60, 120))
_NEAR = Fraction(6, 1000)  # frames per second by which 23.98 differs from 24000/1001, and less
_WHOLE = Fraction(2, 1000)  # frames per second by which editors miss a whole number that was meant


def rate_of(given: tuple[int, ...] | float) -> tuple[int, int]:
    """Frames per second as a fraction, of a fraction or of a number as people write it: 29.97 is 30000/1001."""
    if isinstance(given, tuple):
        return given[0], given[1]
    exact = Fraction(given).limit_denominator(1_000_000)
    if abs(exact - round(exact)) <= _WHOLE:
        return round(exact), 1
    exact = next((one for one in _NTSC if abs(one - exact) <= _NEAR), exact.limit_denominator(1000))
    return exact.numerator, exact.denominator


def own_rate(rate: float) -> tuple[int, int]:
    """A template's own rate, within what a film may have."""
    return rate_of(min(max(rate, float(SLOWEST)), float(FASTEST)))


def own_size(width: int, height: int, asked: tuple[int | None, int | None] = (None, None)) -> tuple[int, int]:
    """A film's size: a template's own, or as `asked`; of a single side that is asked for the other follows. Even, within bounds."""
    if asked[0] is not None and asked[1] is not None:
        return asked[0], asked[1]
    scale = Fraction(min(LARGEST, max(width, height)), max(width, height, 1))
    if asked[0] is not None:
        scale = Fraction(asked[0], max(width, 1))
    elif asked[1] is not None:
        scale = Fraction(asked[1], max(height, 1))
    return asked[0] or _even(width * scale), asked[1] or _even(height * scale)


def _even(side: Fraction) -> int:
    return min(LARGEST, max(SMALLEST, 2 * int(side / 2 + Fraction(1, 4))))
