"""The domains, a line for each: schema, roles, streams, permissions and processes of one derive from here and from its messages."""

import msgspec

from contracts.message import Kind


class Declared(msgspec.Struct, frozen=True):
    """A domain. Its own commands, its ticks and the log's events need no word; what else passes between it and the broker stands here."""

    name: str  # of its schema, its roles, its streams, and of the packages contracts.<name> and consumers.<name>
    decides: tuple[Kind, ...] = ()  # kinds of messages that it takes besides commands; a kind has one domain, which owns its stream
    sends: tuple[Kind, ...] = ()  # kinds that go to nodes
    hears: tuple[Kind, ...] = ()  # lossy kinds that come from nodes


DECLARED = (
    Declared("identity"),
    Declared("content"),
    Declared("studio"),
    Declared("render", decides=(Kind.REPORT,), sends=(Kind.WORK,), hears=(Kind.TICK,)),
    Declared("file_mgr"),
    Declared("notification"),
)
DOMAINS = tuple(one.name for one in DECLARED)
LOG = "log"  # what numbers and keeps the events of all of them; has a schema and a role as a domain has


def declared(name: str) -> Declared:
    """A domain's line. Raises KeyError for a name that is none."""
    return {one.name: one for one in DECLARED}[name]
