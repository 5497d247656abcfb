"""What every row of a domain has that queries answer; the rows themselves stand beside their routes. `at`s are RFC 3339."""

from typing import Literal

import msgspec

from api_edge.handlers.object_checks import FileState as Seen
from contracts.fields import Moment

ServedFile = Literal[Seen, ""]


class Versioned(msgspec.Struct, frozen=True, kw_only=True):
    """What every row of a domain has; `version` counts its changes and is its ETag."""

    version: int
    created_at: Moment
    updated_at: Moment
