"""Reads what people write for a size, a rate and a colour."""

import re
from fractions import Fraction

from contracts.look import rate_of

_SIZE = re.compile(r"(\d{1,6})\s*[x×*]\s*(\d{1,6})", re.IGNORECASE)
_COLOUR = re.compile(r"#([0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})")


def size(text: str) -> tuple[int, int]:
    """Read WIDTHxHEIGHT in pixels. Raises ValueError."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a size; write WIDTHxHEIGHT, as in 1280x720")
    return int(found[1]), int(found[2])


def rate(text: str) -> tuple[int, int]:
    """Read frames per second as a fraction; 29.97 and its kin are what broadcasters mean by them. Raises ValueError."""
    try:
        exact = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        exact = Fraction(0)
    if exact <= 0:
        raise ValueError(f"{text!r} is not a rate; write frames per second, as in 30, 29.97 or 30000/1001")
    return (exact.numerator, exact.denominator) if "/" in text else rate_of(float(exact))


def colour(text: str) -> str:
    """Read #RRGGBB, or #RGB, which is the same with each digit twice. Raises ValueError."""
    if not _COLOUR.fullmatch(text):
        raise ValueError(f"{text!r} is not a colour; write #RRGGBB, as in #C63D5B (in quotes, since # begins a comment in a shell)")
    return text if len(text) == 7 else "#" + "".join(2 * digit for digit in text[1:])
