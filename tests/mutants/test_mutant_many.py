"""What many tenants at once are promised holds, and every mutant turns its check red."""

from collections.abc import Awaitable, Callable

import pytest

from tests.mutants import many
from tests.mutants.checks import Broken

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(30)]
Check = Callable[[], Awaitable[None]]


@pytest.mark.parametrize("check", list(dict.fromkeys(check for check, _ in many.RED)), ids=lambda check: check.__name__)
async def test_the_promise_holds(check: Check) -> None:
    await check()


@pytest.mark.parametrize(("check", "mutation"), many.RED, ids=lambda one: one.__name__)
async def test_the_mutant_turns_the_check_red(check: Check, mutation: many.Mutation) -> None:
    with mutation(), pytest.raises(Broken):
        await check()
