"""The kinds of values that the drawing engine reads: each check passes a value, settles what it certainly means, or says what is wrong.

The engine stops reading at the first value of another type, reads numbers with a fraction as nonsense where it wants whole ones, and
goes on with what it has: an empty pointer, an address of the wrong kind. So its types are checked before, here.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Document = dict[str, Any]
Check = Callable[[Any], None]

LARGEST = 1e7  # pixels, degrees, percent; beyond it the engine's fixed-point coordinates overflow
LONGEST = 1e12  # frames; some exporters write a layer's end as "for ever"
_LONGEST_NAME = 1000  # characters

_NUMBERS = {int, float}
_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}


class Mismatch(Exception):
    """A value that cannot be drawn: what should be there; whoever passes it on puts the way to it before."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.steps: list[str] = []

    def below(self, step: str | int) -> "Mismatch":
        """Note one step of the way, from the inside out."""
        self.steps.append(f"[{step}]" if isinstance(step, int) else f".{step}")
        return self

    @property
    def path(self) -> str:
        """The way from the document to the value, as in `layers[0].ks.p`."""
        return "".join(reversed(self.steps)).removeprefix(".")


def told(value: object) -> str:
    """What a value is, in words."""
    return _NAMES.get(type(value), "something else")


def wanted(what: str, value: object) -> Mismatch:
    """A mismatch that says what should be there, and what is."""
    return Mismatch(f"should be {what}, not {told(value)}")


def number(value: object, limit: float = LARGEST) -> None:
    """A finite number within the limit."""
    if type(value) not in _NUMBERS:
        raise wanted("a number", value)
    if not -limit <= value <= limit:  # type: ignore[operator]
        raise Mismatch(f"should be a number between -{limit:.0e} and {limit:.0e}".replace("e+0", "e"))


def moment(value: object) -> None:
    """A frame's number."""
    number(value, LONGEST)


def text(value: object) -> None:
    """A string."""
    if type(value) is not str:
        raise wanted("a text", value)


class Settled(Exception):
    """Carries what a value certainly means, for whoever holds it to put in its place."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


def identity(value: object) -> None:
    """A name that others refer to; a number is one too."""
    if type(value) is int:
        raise Settled(str(value))
    text(value)
    if len(value) > _LONGEST_NAME:  # type: ignore[arg-type]
        raise Mismatch(f"should have at most {_LONGEST_NAME} characters")


def name(value: object) -> None:
    """A name, which changes no picture: another value is taken as none."""
    if type(value) is not str:
        raise Settled("")


def whole(value: object) -> None:
    """A whole number; the engine reads 4.0 as 0, and true as an error, so both are settled."""
    if type(value) is not int:
        if type(value) is bool or (type(value) is float and value.is_integer() and abs(value) < LONGEST):
            raise Settled(int(value))  # type: ignore[call-overload]
        raise wanted("a whole number", value)


def between(least: int, most: int) -> Check:
    """A whole number within bounds: the engine takes it for one of its own choices unseen."""

    def check(value: Any) -> None:
        whole(value)
        if not least <= value <= most:
            raise Mismatch(f"should be a whole number from {least} to {most}, not {value}")

    return check


def flag(value: object) -> None:
    """True or false; 0 and 1 are settled."""
    if type(value) is not bool:
        if type(value) in _NUMBERS and value in (0, 1):
            raise Settled(bool(value))
        raise wanted("true or false", value)


def numbers(least: int) -> Check:
    """A list of at least so many numbers, or of none."""
    what = f"a list of {least} or more numbers"
    parts = each(number)

    def check(value: Any) -> None:
        if type(value) is not list:
            raise wanted(what, value)
        if 0 < len(value) < least:
            raise Mismatch(f"should be {what}, not of {len(value)}")
        parts(value)

    return check


def scalar(value: Any) -> None:
    """A number, alone or in a list."""
    if type(value) is list:
        numbers(1)(value)
    else:
        number(value)


def limited(limit: float) -> Check:
    """A number within a limit of its own, alone or in a list."""

    def check(value: Any) -> None:
        for part in value if type(value) is list else (value,):
            number(part, limit)

    return check


def record(fields: Mapping[str, Check]) -> Check:
    """An object whose named fields are checked where they are there; others are not read. Null is taken as not there."""

    def check(value: Any) -> None:
        if type(value) is not dict:
            raise wanted("an object", value)
        absent = []
        for key, part in value.items():
            known = fields.get(key)
            if known is None:
                continue
            if part is None:
                absent.append(key)
                continue
            try:
                known(part)
            except Settled as settled:
                value[key] = settled.value
                try:
                    known(settled.value)
                except Mismatch as mismatch:
                    raise mismatch.below(key) from None
            except Mismatch as mismatch:
                raise mismatch.below(key) from None
        for key in absent:
            del value[key]

    return check


def each(check: Check) -> Check:
    """A list whose every item is checked."""

    def check_all(value: Any) -> None:
        if type(value) is not list:
            raise wanted("a list", value)
        for index, part in enumerate(value):
            try:
                check(part)
            except Mismatch as mismatch:
                raise mismatch.below(index) from None

    return check_all


def typed(kind: Any, what: str) -> Check:
    """Check by a type of msgspec, which is fast where there are many numbers."""

    def check(value: Any) -> None:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            said, _, where = str(error).partition(" - at `$")
            mismatch = Mismatch(f"should be {what} ({said.replace('`', '')})")
            if where:
                mismatch.steps.append(where.rstrip("`"))
            raise mismatch from None

    return check
