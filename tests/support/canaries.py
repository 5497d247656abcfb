"""A canary in every field: Structs filled with values that occur nowhere else, each with who may see it by the markers on its way.

The markers are read here by another way than the product's, so that one mistake is not made twice.
"""

import re
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from contracts.visibility import Visibility

BEGIN = datetime(2031, 1, 1, tzinfo=UTC)
SEEN = re.compile(r"canary\d{6}x|9\d{8}(?:\.5)?|0000ca4a-0000-4000-8000-\d{12}|2031-\d\d-\d\dT\d\d:\d\d:\d\d")


@dataclass
class Planted:
    """What was put into a value: each canary as it looks in JSON, with where it is and how closed the way to it is."""

    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    canaries: dict[str, tuple[str, Visibility]] = field(default_factory=dict)

    def public(self) -> set[str]:
        """The canaries that may be told."""
        return {text for text, (_, closed) in self.canaries.items() if closed is Visibility.PUBLIC}

    def at_most(self, most: Visibility) -> set[str]:
        """The canaries that are at most so closed."""
        return {text for text, (_, closed) in self.canaries.items() if closed <= most}

    def leaf(self, kind: Any, where: str, closed: Visibility) -> Any:
        """A value of a type without parts; words of a list and truth are no canaries, as there are too few."""
        number = next(self.numbers)
        value: Any = {
            str: f"canary{number:06}x",
            int: 900_000_000 + number,
            float: 900_000_000.5 + number,
            UUID: UUID(f"0000ca4a-0000-4000-8000-{number:012}"),
            datetime: BEGIN + timedelta(seconds=number),
        }.get(kind)
        if value is not None:
            (text,) = SEEN.findall(msgspec.json.encode(value).decode())
            self.canaries[text] = where, closed
            return value
        return True if kind is bool else f"canary{number:06}x"


def planted(
    kind: Any,
    seen: Planted,
    where: str = "",
    closed: Visibility = Visibility.PUBLIC,
    /,
    *,
    unmarked: Visibility = Visibility.INTERNAL,
    **given: Any,
) -> Any:
    """A value of a type, full of canaries but for the fields that are `given`; `closed` is how closed the way here is already."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return planted(args[0], seen, where, closed)
    if origin in (Union, types.UnionType):
        return planted(next(arg for arg in args if arg is not type(None)), seen, where, closed)
    if origin is Literal:
        return args[0]
    if origin in (tuple, list):
        items = args[:1] if origin is list or args[-1] is Ellipsis else args
        return origin(planted(item, seen, f"{where}[]", closed) for item in items)
    if origin is dict:
        return {"key": planted(args[1], seen, f"{where}{{}}", closed)}
    if kind is Any:
        return seen.leaf(str, where, closed)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind, include_extras=True)
        values = {
            name: planted(hints[name], seen, f"{where}.{name}", max(closed, marked(hints[name], unmarked)))
            for name in kind.__struct_fields__
            if name not in given
        }
        return kind(**given, **values)
    return seen.leaf(kind, where, closed)


def marked(hint: Any, unmarked: Visibility = Visibility.INTERNAL) -> Visibility:
    """The marker of a field's hint, or of what it may be beside None."""
    metadata = getattr(hint, "__metadata__", ())
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (arg for arg in get_args(hint) if arg is not type(None)) if len(get_args(hint)) == 2 else (None,)
        metadata = getattr(hint, "__metadata__", ())
    return max((each for each in metadata if isinstance(each, Visibility)), default=unmarked)


def found(text: str | bytes) -> set[str]:
    """Every canary in a text."""
    return set(SEEN.findall(text.decode() if isinstance(text, bytes) else text))
