"""What an answer shows: the fields that its Struct declares, nested ones as far as they are public; whatever else was found stays here."""

import logging
from collections.abc import Callable
from typing import Any

import msgspec

from api_edge.routing import Row
from contracts.message import Command, answers_of
from contracts.visibility import Mask, Visibility, columns, visible

log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


def answered(cls: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """A Struct that is made for the outside as clients see it: its own fields are public, unless they say otherwise."""
    return visible(cls, Visibility.PUBLIC)


def shown_answer(command: type[Command]) -> Mask:
    """A function from the body that a command was answered with to what is shown of it; where it answers several, what either shows."""
    shown = {name: hide for kind in answers_of(command) for name, hide in columns(kind, Visibility.PUBLIC).items()}
    decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

    def show(body: bytes | str | msgspec.Raw) -> bytes:
        found = {name: value for name, value in decode(body).items() if name in shown}
        return _encode({name: msgspec.Raw(hide(value)) if (hide := shown[name]) else value for name, value in found.items()})

    return show


def shown_row(cls: type[msgspec.Struct]) -> Callable[[Row], Row]:
    """A function from what was found to what is shown of it, by the Struct that a route answers."""
    shown = columns(cls, Visibility.PUBLIC)
    names, nested = shown.keys(), [(name, hide) for name, hide in shown.items() if hide]

    def show(row: Row) -> Row:
        seen = dict(row) if row.keys() <= names else {name: value for name, value in row.items() if name in names}
        for name, hide in nested:
            if seen.get(name) is not None:
                seen[name] = _seen(cls, name, hide, seen[name])
        return seen

    return show


def _seen(cls: type[msgspec.Struct], name: str, hide: Mask, value: Any) -> msgspec.Raw | None:
    try:
        return msgspec.Raw(hide(value if isinstance(value, msgspec.Raw) else _encode(value)))
    except msgspec.DecodeError as error:
        log.error("ALARM: %s of %s is not shown, as it is not what is declared: %s", name, cls.__name__, error)
        return None
