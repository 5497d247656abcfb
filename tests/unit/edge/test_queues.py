"""Who has too many undecided commands in a domain is refused what is new: by what the domain says, and by what was sent since."""

from types import SimpleNamespace
from uuid import UUID, uuid4

import msgspec
import pytest

from api_edge.capacity.queues import Queues
from api_edge.errors import Refused, meaning_of
from contracts.queue import Undecided

pytestmark = pytest.mark.asyncio
BUSY, QUIET = uuid4(), uuid4()


async def say(queues: Queues, most: int = 10, per_second: float = 2.0, **tenants: int) -> None:
    said = Undecided(most=most, per_second=per_second, tenants={str(UUID(tenant)): count for tenant, count in tenants.items()})
    await queues.hear(SimpleNamespace(subject="queues.studio", data=msgspec.json.encode(said)))  # type: ignore[arg-type]


def sent(queues: Queues, tenant: UUID, most: int = 1000) -> int:
    """How many are let through."""
    for count in range(most):
        try:
            queues.take("studio", tenant)
        except Refused as refused:
            assert refused.problem.code == "queue.full" and meaning_of("queue.full").status == 429
            return count
    return most


async def test_a_domain_that_never_spoke_refuses_nobody() -> None:
    assert sent(Queues(), BUSY) == 1000


async def test_the_most_is_what_the_domain_says_less_what_it_has_and_what_was_sent_since() -> None:
    queues = Queues()
    await say(queues, **{BUSY.hex: 7})
    assert sent(queues, BUSY) == 3
    assert sent(queues, QUIET) == 10, "one tenant's queue is not another's"


async def test_what_was_sent_before_the_last_word_counts_until_the_next() -> None:
    queues = Queues()
    await say(queues)
    assert sent(queues, BUSY) == 10
    await say(queues)  # it may have been sent after the domain had counted
    assert sent(queues, BUSY) == 0
    await say(queues)
    assert sent(queues, BUSY) == 10


async def test_what_has_its_outcome_counts_no_more() -> None:
    queues = Queues()
    await say(queues)
    assert sent(queues, BUSY) == 10
    for _ in range(4):
        queues.decided("studio", BUSY)
    assert sent(queues, BUSY) == 4


async def test_other_domains_go_on() -> None:
    queues = Queues()
    await say(queues, **{BUSY.hex: 10})
    assert sent(queues, BUSY) == 0
    queues.take("identity", BUSY)


async def test_how_long_to_wait_goes_by_the_domains_pace() -> None:
    queues = Queues()
    for per_second, seconds in ((1000.0, "1"), (1.0, "5"), (0.0, "5")):
        await say(queues, per_second=per_second, **{BUSY.hex: 10})
        with pytest.raises(Refused) as refused:
            queues.take("studio", BUSY)
        assert refused.value.headers["Retry-After"] == seconds
