"""When what was set aside in a stream comes back: never too much at once, as whoever comes new waits behind it."""

import time
from collections import Counter

QUARTER = 0.25  # seconds: it comes back in groups, as the server looks at all of it each time
LONGEST = 60.0  # seconds that something is set aside at once
FULL = 400  # that come back in one group: some 15 ms, in which nobody else's message comes
_MOST = int(LONGEST / QUARTER)


class Redeliveries:
    """How many messages come back in each quarter of a second from now on."""

    def __init__(self) -> None:
        self._groups: Counter[int] = Counter()
        self._now = 0
        self._full = range(0)  # groups that are full, one behind the other
        self._over = 0  # messages that found all of them full

    def after(self, seconds: float) -> float:
        """The delay of one that is wanted back after so many seconds."""
        self._go_on(int(time.monotonic() / QUARTER))
        first = self._now + min(max(4, int(seconds / QUARTER)), _MOST)
        group = self._free(first)
        self._groups[group] += 1
        return (group - self._now) * QUARTER

    def _free(self, first: int) -> int:
        """A group that is not full, from this one on; where all are, the groups of the later half by turns."""
        group = self._full.stop if first in self._full else first
        while self._groups[group] >= FULL and group < self._now + _MOST:
            group += 1
        self._full = range(self._full.start if first in self._full else first, group)
        if group < self._now + _MOST:
            return group
        self._over += 1
        return self._now + _MOST // 2 + self._over % (_MOST // 2)

    def _go_on(self, now: int) -> None:
        if now != self._now:
            self._now = now
            for group in [one for one in self._groups if one <= now]:
                del self._groups[group]
