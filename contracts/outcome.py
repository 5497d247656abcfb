"""What became of a command: the answer that the edge gives, stored in the inbox row that is the operation."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

State = Literal["done", "refused", "quarantined"]
NO_BODY = msgspec.Raw(b"")
"""The answer of a command that has none: left out when it is encoded, as this very object; msgspec reads a `Raw | None` as null only."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why something was refused and what to do; `code` decides the HTTP status (api_edge.errors)."""

    code: str  # area.reason, e.g. "render.unknown_element"
    detail: str
    field: str = ""  # JSON path into the request's body
    errors: tuple[dict[str, str], ...] = ()  # further field errors: {"field", "detail"}


NOT_HANDLED = Problem(code="command.quarantined", detail="The request was kept, but could not be handled; a person has to look at it.")
"""All that whoever asked is told of a quarantine; its reason is for operators."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The end of a command; `body` is what its decider answered."""

    command_id: UUID
    tenant_id: UUID
    state: State
    body: msgspec.Raw = NO_BODY  # JSON
    problem: Problem | None = None
    request_hash: str = ""
    decided_at: datetime | None = None
    repeated: bool = False  # whether the command was decided before, so that this is what its first one was told
