"""Reads what people write for a size, a rate and a colour."""

import re
from fractions import Fraction

_NTSC = {
    "23.976": (24000, 1001),
    "23.98": (24000, 1001),
    "29.97": (30000, 1001),
    "47.952": (48000, 1001),
    "59.94": (60000, 1001),
    "119.88": (120000, 1001),
}
_SIZE = re.compile(r"(\d{1,6})\s*[x×*]\s*(\d{1,6})", re.IGNORECASE)
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


def size(text: str) -> tuple[int, int]:
    """Read WIDTHxHEIGHT in pixels. Raises ValueError."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a size; write WIDTHxHEIGHT, as in 1280x720")
    return int(found[1]), int(found[2])


def rate(text: str) -> tuple[int, int]:
    """Read frames per second as a fraction; 29.97 and its kin are what broadcasters mean by them. Raises ValueError."""
    text = text.strip()
    if text in _NTSC:
        return _NTSC[text]
    try:
        exact = Fraction(text)
    except (ValueError, ZeroDivisionError):
        exact = Fraction(0)
    if exact <= 0:
        raise ValueError(f"{text!r} is not a rate; write frames per second, as in 30, 29.97 or 30000/1001")
    return exact.numerator, exact.denominator


def colour(text: str) -> str:
    """Read #RRGGBB. Raises ValueError."""
    if not _COLOUR.fullmatch(text):
        raise ValueError(f"{text!r} is not a colour; write #RRGGBB, as in #C63D5B (in quotes, since # begins a comment in a shell)")
    return text
