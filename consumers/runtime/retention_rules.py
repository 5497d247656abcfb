"""How long the rows of each table that grows are kept: the runtime's own tables here, a domain's in its table of contents (`retains`)."""

from typing import Final

import msgspec


class Swept(msgspec.Struct, frozen=True):
    """Rows go one by one."""

    table: str  # without its schema
    column: str  # the moment from which on the days count
    days: int
    goes: str = "true"  # which rows, as SQL; all others stay


class Monthly(msgspec.Struct, frozen=True):
    """Whole months go, in partitions that are made ahead. For telemetry."""

    table: str
    column: str


class Kept(msgspec.Struct, frozen=True):
    """No row goes by its age."""

    table: str
    why: str
    column: str = ""  # the moment that tells how long the oldest row has waited; empty where no row waits for anything
    waits: str = "true"  # which rows do, as SQL


Rule = Swept | Monthly | Kept

RUNTIME: Final[tuple[Rule, ...]] = (
    Swept("inbox", "decided_at", 30, "state in ('done', 'refused')"),  # operations; what waits for a person stays
    Swept("effects", "updated_at", 30, "state = 'done' and not owing"),  # what is not told yet, exhausted or unknown stays for a person
    Kept("destinations", "the effects' runner removes those that nothing goes to any more"),
    Kept("outbox", "the sequencer moves its rows into the log", "time"),
    Kept("timers", "a row goes when its command is decided", "due_at", "set_aside = ''"),
    Kept("cursors", "a row for each reader"),
    Kept("leader", "one row"),
)
