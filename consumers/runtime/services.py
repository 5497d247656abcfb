"""What runs beside a domain's runtime in the same process: a scheduler, a scrubber, who lets nodes in (`services` of a domain)."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

Start = Callable[[Any], Awaitable[None]]
"""Is given a `consumers.runtime.beside.Beside` before the runtime takes its first batch."""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """Started in every process that consumes for the domain, whether that leads or stands by: what only a leader may do looks itself.

    `start` loads what it needs, hooks into the runtime and says what is to run until the process ends; what its settings switch off it
    leaves alone.
    """

    name: str
    start: Start
