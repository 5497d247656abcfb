"""Fair turns: what waits lies in a lane for each tenant, and a batch takes from them by turns, however much one of them has."""

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any

from consumers.runtime.item import Item

PIECE = 4096  # bytes of a message that count as one
REMEMBERED = 1000  # lanes that ended ahead of their turn, and begin again where they ended


class Held:
    """A message that waits; `item` is what it was read as, once it was."""

    __slots__ = ("gone", "item", "lane", "raw", "sequence", "size", "told")

    def __init__(self, raw: Any, lane: str, sequence: int, now: float) -> None:
        self.raw, self.lane, self.sequence = raw, lane, sequence
        self.told = now  # when the broker was told last that it is in good hands, or delivered it
        self.size = 1 + len(raw.data) // PIECE  # what it counts for: a bound on messages is one on memory, too
        self.item: Item | None = None
        self.gone = False  # taken, or given back


class Lanes:
    """Start-time fair queueing: each lane's next turn begins where its last one ended, and who begins first is taken first.

    A turn is as long as its command weighs, so that a lane of heavy commands gets as much done as one of light ones, and not more.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Held]] = {}
        self._sizes: dict[str, int] = {}
        self._turns: list[tuple[float, int, str]] = []  # a heap with one entry for each lane: where its turn begins, a number, its name
        self._number = 0
        self._clock = 0.0
        self._ended: dict[str, float] = {}  # where lanes that are empty now have ended, beyond the clock

    def __len__(self) -> int:
        """How many lanes there are."""
        return len(self._lanes)

    def __bool__(self) -> bool:
        return bool(self._turns)

    def __iter__(self) -> Iterator[Held]:
        return (held for lane in self._lanes.values() for held in lane)

    @property
    def size(self) -> int:
        """How much waits in all lanes."""
        return sum(self._sizes.values())

    def size_of(self, lane: str) -> int:
        """How much waits in one lane."""
        return self._sizes.get(lane, 0)

    def beyond(self, size: int) -> frozenset[str]:
        """The lanes in which more than that waits."""
        return frozenset(name for name, waiting in self._sizes.items() if waiting > size)

    def put(self, held: Held) -> None:
        """Let it wait at the end of its lane."""
        lane = self._lanes.get(held.lane)
        if lane is None:
            lane = self._lanes[held.lane] = deque()
            self._sizes[held.lane] = 0
            self._turn(held.lane, max(self._clock, self._ended.pop(held.lane, 0.0)))
        lane.append(held)
        self._sizes[held.lane] += held.size

    def take(self, most: int, weigh: Callable[[Held], int], without: frozenset[str] = frozenset(), ahead: float = 0.0) -> list[Held]:
        """By turns, until they weigh that much (the last may weigh more than is left).

        Lanes of `without` are passed over and keep their turns; others go before theirs if they begin no more than `ahead` later.
        """
        taken: list[Held] = []
        passed: list[tuple[float, int, str]] = []
        weight = 0
        while self._turns and weight < most:
            if passed and self._turns[0][0] > passed[0][0] + ahead:
                break
            turn = heappop(self._turns)
            if turn[2] in without:
                passed.append(turn)
            else:
                taken.append(held := self._next(*turn))
                weight += self._end(held, turn[0], weigh(held))
        for turn in passed:
            heappush(self._turns, turn)
        return taken

    def _next(self, begins: float, number: int, name: str) -> Held:
        """What is first in a lane whose turn it is; the clock never goes back, though lanes with an earlier turn were passed over."""
        self._clock = max(self._clock, begins)
        held = self._lanes[name].popleft()
        held.gone = True
        return held

    def _end(self, held: Held, began: float, cost: int) -> int:
        """Its turn is over; answers its cost."""
        if self._lanes[held.lane]:
            self._sizes[held.lane] -= held.size
            self._turn(held.lane, began + cost)
        else:
            self._leave(held.lane, began + cost)
        return cost

    def clear(self) -> list[Held]:
        """Take all that waits, in no order."""
        taken = list(self)
        for held in taken:
            held.gone = True
        for part in (self._lanes, self._sizes, self._turns, self._ended):
            part.clear()
        return taken

    def _turn(self, name: str, begins: float) -> None:
        self._number += 1
        heappush(self._turns, (begins, self._number, name))

    def _leave(self, name: str, ended: float) -> None:
        """A lane is empty: who comes back at once begins where it ended, so that nobody gains by sending one command at a time."""
        del self._lanes[name], self._sizes[name]
        self._ended[name] = ended
        if len(self._ended) > REMEMBERED:
            self._ended.pop(next(iter(self._ended)))  # the oldest: most likely its turn is long over
