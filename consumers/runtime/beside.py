"""What a domain's services are started with: its runtime, and what they may reach the world by."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from adapters.nats import Connection
from adapters.object_store import ObjectStore
from adapters.settings import Settings
from consumers.runtime.pool import Pool
from consumers.runtime.retention import Retention
from consumers.runtime.runtime import Runtime
from consumers.runtime.tools import Publishes


@dataclass(frozen=True, kw_only=True)
class Beside:
    """One domain in one process; whoever hosts it makes this."""

    settings: Settings
    runtime: Runtime
    nc: Connection  # the domain's own, which its runtime uses too
    publisher: Publishes
    pool: Pool  # connections of the domain's role
    objects: ObjectStore
    retention: Retention
    login: Callable[[str], Awaitable[Connection]]
    """A connection as one of the users that are beside the domain (`catalogue.users_of`); it is closed when the process ends."""
    run: Callable[[str, Coroutine[Any, Any, None]], None]
    """Have something run under a name until the process ends; should it end before, the process does."""
