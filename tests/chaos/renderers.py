"""Renderers: who renders while things fail, tenant after tenant, and the end of all who were at work."""

import asyncio
from collections.abc import Callable, Iterable
from uuid import UUID

from tests.chaos.films import Cinema, Made
from tests.chaos.tenants import Tenants


async def keep_rendering(
    tenants: Tenants,
    cinema: Cinema,
    stop: asyncio.Event,
    made: list[Made],
    violations: list[str],
    moved_in: Callable[[UUID], None] = lambda tenant: None,
) -> None:
    """Render for one tenant after the other until the end; `moved_in` hears of each."""
    while not stop.is_set():
        try:
            tenant = await tenants.new("under fire")
            moved_in(tenant.id)
            made += await cinema.show(tenant)
        except Exception as error:  # whatever hindered it is what the run is looking for
            violations.append(f"a film could not be made: {type(error).__name__}: {error}")


async def until_ended(working: Iterable[asyncio.Task[None]], within: float, violations: list[str], who: str) -> None:
    """Wait for all; who is not done in time hangs, which is a violation."""
    _, hanging = await asyncio.wait(working, timeout=within)
    for task in hanging:
        task.cancel()
        violations.append(f"{who} did not come to its end")
