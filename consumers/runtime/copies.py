"""Copies of what other domains say, each declared in a line: a fold whose rows have the events' fields of the same names."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_type_hints

import msgspec

from consumers.runtime.domain import Context, Decide, Decision
from consumers.runtime.projection import fresh, moved
from consumers.runtime.reactions import Events, Fold, React
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.entity import Row
from contracts.envelope import Envelope
from contracts.message import Command, Event

Values = dict[str, Any]
Replaces = Callable[[Any, Values], bool]  # the row that is known, and what is said now
ValuesOf = Callable[[Any], Values]


def first_word(known: Row, values: Values) -> bool:
    """Each fact comes once: what is known stays."""
    return False


def last_word(known: Row, values: Values) -> bool:
    """What is said last counts; the same once more changes nothing."""
    return any(getattr(known, name) != value for name, value in values.items())


def copy(
    name: str,
    on: Events,
    into: Table[Any],
    *,
    replaces: Replaces = first_word,
    said: Callable[[Any], msgspec.Struct] | None = None,
    renamed: Mapping[str, str] | None = None,
    formerly: type[Command] | None = None,
) -> Fold:
    """One row for each key of the table: all of its fields are the event's, or those of what `said` makes of the event.

    `renamed` gives the event's name of a column where that is another. `replaces` says whether what is said now replaces what is known.
    `formerly` is the command by which earlier releases learned the same. Raises TypeError for a column that an event says nothing of.
    """
    speakers = (get_type_hints(said)["return"],) if said else on if isinstance(on, tuple) else (on,)
    pairs, key = tuple(_sources(f"the copy {name}", speakers, into, renamed or {}).items()), into.key

    def values_of(event: Event) -> Values:
        told = said(event) if said else event
        return {column: getattr(told, source) for column, source in pairs}

    def write(event: Event, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
        values = values_of(event)
        known = view.get(into, *[values[column] for column in key])
        if known is None:
            yield into, fresh(into, envelope, values)
        elif replaces(known, values):
            yield into, moved(known, envelope, **values)

    return Fold(name=name, on=on, into=into, write=write, formerly=_asked(formerly, values_of) if formerly else None)


def noted(table: Table[Any], event: type[Event]) -> Decide:
    """Decides the command by which earlier releases learned, which may wait in a queue or in quarantine: what is known was said later."""

    def decide(cmd: Command, view: View, ctx: Context) -> Decision:
        if view.get(table, *(getattr(cmd, column) for column in table.key)) is not None:
            return []
        return [event(**{name: getattr(cmd, name) for name in cmd.__struct_fields__})]

    return decide


def _asked(command: type[Command], values_of: ValuesOf) -> React:
    def ask(event: Event, envelope: Envelope) -> list[Command]:
        return [command(**values_of(event))]

    return ask


def _sources(what: str, speakers: Iterable[type[msgspec.Struct]], into: Table[Any], renamed: Mapping[str, str]) -> dict[str, str]:
    """Each of a row's own fields with the field that says it. Raises TypeError for one that nobody says, and for a name that is none."""
    sources = {column: renamed.get(column, column) for column in into.fields if column not in Row.__struct_fields__}
    for speaker in speakers:
        if silent := [column for column, source in sources.items() if source not in speaker.__struct_fields__]:
            raise TypeError(f"{what}: {speaker.__name__} says nothing of {', '.join(silent)} of {into}; say it by `said` or `renamed`")
    if strange := renamed.keys() - sources.keys():
        raise TypeError(f"{what}: {into} has no {', '.join(sorted(strange))}")
    return sources
