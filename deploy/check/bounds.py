"""How much one look looks at, and how long something may take before it counts as left behind."""

import msgspec


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of the fast form; times in seconds."""

    events: int = 20_000  # of the log
    messages: int = 20_000  # of EVENTS
    history: int = 300_000  # events of a tenant that are projected to be sure of a row
    tenant: int = 5_000  # events of a tenant that the walk over tenants compares whole
    commands: int = 5_000  # of each domain
    objects: int = 100  # of each table
    hashed: int = 64 * 2**20  # bytes of the one object of each table that is read whole
    young: float = 3600.0  # an object of a row that is younger may still be on its way
    apart: float = 10.0  # between two looks
    waiting: float = 60.0  # that an event may lie in an outbox
    unheard: float = 120.0  # that a domain may leave an event behind
    overdue: float = 300.0  # that an effect may be due
    late: float = 120.0  # that a timer may be
    whole: bool = False  # of the log the last `events` whatever was compared before, and every archive and object by its content
