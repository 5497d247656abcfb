"""What every row of a domain has that queries answer; the rows themselves stand above their routes."""

import msgspec

from contracts.fields import Moment


class Versioned(msgspec.Struct, frozen=True, kw_only=True):
    """What every row of a domain has; `version` counts its changes and is its ETag."""

    version: int
    created_at: Moment
    updated_at: Moment
