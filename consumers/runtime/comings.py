"""When what was set aside in a stream comes back: never too much at once, as whoever comes new waits behind it."""

import time
from collections import Counter

QUARTER = 0.25  # seconds: it comes back in groups, as the server looks at all of it each time
LONGEST = 60.0  # seconds that something is set aside at once
FULL = 400  # that come back in one group: some 15 ms, in which nobody else's message comes
_MOST = int(LONGEST / QUARTER)


class Comings:
    """How many messages come back in each quarter of a second from now on."""

    def __init__(self) -> None:
        self._groups: Counter[int] = Counter()
        self._last = 0

    def after(self, seconds: float) -> float:
        """The delay of one that is wanted back after so many seconds."""
        now = int(time.monotonic() / QUARTER)
        if now != self._last:
            self._last = now
            for group in [one for one in self._groups if one <= now]:
                del self._groups[group]
        first = min(max(4, int(seconds / QUARTER)), _MOST)
        group = next((now + one for one in range(first, _MOST) if self._groups[now + one] < FULL), None)
        if group is None:  # all that time is full: where it is the least, in its second half
            group = min(range(now + _MOST // 2, now + _MOST), key=self._groups.__getitem__)
        self._groups[group] += 1
        return (group - now) * QUARTER
