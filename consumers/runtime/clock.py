"""Which clock counts: that of the process which leads. Moments that are stored, and what they are compared with, come from it alone.

A statement that compares a stored moment takes the present one as a parameter, never `now()`: then a test can move time, and a moment that
a batch wrote is judged by the same clock. Leaders' clocks differ as far as their machines' do; what one fires early, by the clock of
another that decides it, waits for its moment (`consumers.runtime.timing`).
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)
