"""Bounds of fields, in words: they are declared in the field's type, and whoever refuses a value says them alike."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import msgspec

_read = msgspec.json.Decoder().decode


def must(kind: Any) -> str:
    """What a value must be by the bounds that stand in its type, as a clause: `must be 1 to 100`; empty where there are none."""
    for part in (kind, *get_args(kind)):  # an optional value's stand in the type that it may be
        if get_origin(part) is Annotated:
            unit = "characters" if part.__origin__ is str else "entries"
            for bounds in part.__metadata__:
                if isinstance(bounds, msgspec.Meta) and (words := _words(bounds, unit)):
                    return words
    return ""


def broken(message: msgspec.Struct) -> Iterator[tuple[str, str]]:
    """The fields of a message that break their bounds, each with what is wrong: of one that was made here, and so never read."""
    for field in msgspec.structs.fields(message):
        try:
            msgspec.convert(_read(msgspec.json.encode(getattr(message, field.name))), field.type)
        except msgspec.ValidationError as error:
            yield field.name, must(field.type) or str(error)


def _words(bounds: msgspec.Meta, unit: str) -> str:
    if bounds.extra and "must" in bounds.extra:
        return str(bounds.extra["must"])
    if bounds.max_length is not None or bounds.min_length is not None:
        return f"must have {_span(bounds.min_length or None, bounds.max_length)} {unit}"
    if bounds.gt is not None:
        return f"must be more than {bounds.gt:g}"
    if bounds.ge is not None or bounds.le is not None:
        return f"must be {_span(bounds.ge, bounds.le)}"
    return ""


def _span(low: float | None, high: float | None) -> str:
    if low == high:
        return f"exactly {low}"
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return f"{low} to {high}"
