"""Which messages hold what is a person's: it passes through, and stays in no log, no quarantine and no work that waits.

Personal is what a person has or chose, their credentials too: an address, a name, a password's hash, a code that was sent to them. A secret
that the product drew itself, which nobody can guess, is none; its hash may stand in an event.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

import msgspec

from contracts.message import Message, named
from contracts.visibility import Visibility, markers


def fields_of(cls: type[msgspec.Struct], marked: Visibility) -> tuple[str, ...]:
    """The fields with a marker, of the Struct and of every Struct within it, as `person.address`."""
    return tuple(_fields(cls, marked, "", frozenset()))


def is_personal(full_name: str) -> bool:
    """Whether messages of this type hold what is a person's; of an unknown type nobody knows."""
    entry = named(full_name)
    return entry is not None and _holds_personal(entry.cls)


@cache
def _holds_personal(cls: type[Message]) -> bool:
    return bool(fields_of(cls, Visibility.PERSONAL))


def _fields(cls: type[msgspec.Struct], marked: Visibility, before: str, seen: frozenset[type]) -> Iterator[str]:
    if cls in seen:  # a Struct within itself
        return
    found = markers(cls)
    for field in msgspec.structs.fields(cls):
        if found[field.name] is marked:
            yield f"{before}{field.name}"
        for nested in _structs(field.type):
            yield from _fields(nested, marked, f"{before}{field.name}.", seen | {cls})


def _structs(kind: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for arg in get_args(kind):
        yield from _structs(arg)
