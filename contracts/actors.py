"""Who does something, as every message and the log say it: the kind of a subject and its id, or a part of the product.

A person who acts as another stands before it: `user:<id> as user:<id>`. Who does it comes first, and as whom second.
"""

from typing import Final, Literal
from uuid import UUID

import msgspec

SubjectKind = Literal["key", "user", "join_token", "node"]
"""An API key; a person with a session; what a machine joins by; a machine that has joined."""

SYSTEM, SCRUBBER, EDGE, TIMER, SCHEDULER = "system", "scrubber", "edge", "timer", "scheduler"
BY_ITSELF: Final = frozenset({SYSTEM, SCRUBBER, EDGE})
"""Actors of what the product asks of itself, and no person or node."""
OPERATOR = "operator"  # whoever has the administrator's way into the database
UNKNOWN = "unknown"  # of a message that cannot be read

_NODE = "node:"


class Subject(msgspec.Struct, frozen=True):
    """Somebody or something that acts of its own: its kind and its id."""

    kind: SubjectKind
    id: UUID

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


class Actor(msgspec.Struct, frozen=True):
    """Who does something, and as whom, where that is another."""

    by: Subject
    acting_as: Subject | None = None

    def __str__(self) -> str:
        return f"{self.by} as {self.acting_as}" if self.acting_as else str(self.by)


def node_actor(node: UUID | str) -> str:
    """What stands in `actor` for a node."""
    return f"{_NODE}{node}"


def acting_node(actor: str) -> str:
    """The id of the node behind an actor; empty for everybody else."""
    return actor.removeprefix(_NODE) if actor.startswith(_NODE) else ""
