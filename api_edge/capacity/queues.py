"""How much waits in each domain's queue, by tenant: who has too much there is refused what is new, before it is taken."""

from collections import Counter
from math import ceil
from uuid import UUID

import msgspec
from nats.aio.msg import Msg

from api_edge.errors import Refused
from contracts.queue import Undecided

LONGEST_WAIT = 30  # seconds that somebody is told to wait
_undecided = msgspec.json.Decoder(Undecided).decode


class _Queue:
    """One domain's: what it said last, and what this edge has sent since the word before, of which it may not know."""

    __slots__ = ("before", "sent", "told")

    def __init__(self) -> None:
        self.told: Undecided | None = None
        self.sent: Counter[UUID] = Counter()  # since its last word
        self.before: Counter[UUID] = Counter()  # between the two words before


class Queues:
    """All domains' queues, as far as they are known: a domain that has never spoken has no bound but its stream's."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    async def hear(self, msg: Msg) -> None:
        """The callback for `queues.<domain>`."""
        queue = self._queue(msg.subject.rpartition(".")[2])
        queue.told = _undecided(msg.data)
        queue.before, queue.sent = queue.sent, Counter()

    def take(self, domain: str, tenant: UUID) -> None:
        """Count a command that is about to be sent. Raises Refused (429) where its tenant has too many undecided ones in this domain."""
        queue = self._queue(domain)
        told = queue.told
        if told is not None:
            own = queue.sent[tenant] + queue.before[tenant]
            # Most have few: the text of an id is made only of those that have sent or been told of.
            waiting = own + (told.tenants.get(str(tenant), 0) if told.tenants else 0)
            if waiting >= told.most:
                raise _full(domain, waiting, told)
        queue.sent[tenant] += 1

    def decided(self, domain: str, tenant: UUID) -> None:
        """One that was sent has its outcome."""
        queue = self._queue(domain)
        for counted in (queue.before, queue.sent):
            if counted[tenant] > 0:
                counted[tenant] -= 1
                return

    def _queue(self, domain: str) -> _Queue:
        queue = self._queues.get(domain)
        if queue is None:
            queue = self._queues[domain] = _Queue()
        return queue


def _full(domain: str, waiting: int, told: Undecided) -> Refused:
    seconds = min(LONGEST_WAIT, max(1, ceil(waiting / max(1.0, told.per_second) / 2)))
    detail = f"What waits of this account for the {domain} service counts as {waiting} requests, which is the most; nothing was taken."
    return Refused("queue.full", detail, headers={"Retry-After": str(seconds)})
