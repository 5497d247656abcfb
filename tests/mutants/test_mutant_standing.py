"""The standing check finds what it must and tells nothing else, and every mutant of it turns its check red."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from deploy.local.servers import Servers
from tests.mutants import standing
from tests.mutants.checks import Broken
from tests.support.checked import Checked, checked

pytestmark = pytest.mark.timeout(120)
Check = Callable[[Checked], Awaitable[None]]
RED: list[tuple[Check, standing.Mutation]] = [
    (standing.every_row_of_an_event_is_compared, standing.first_rows_alone),
    (standing.what_agrees_is_never_told, standing.what_is_there_is_the_beginning),
    (standing.work_between_the_reads_is_no_difference, standing.nats_is_read_last),
    (standing.what_heals_is_no_difference, standing.one_look_is_enough),
    (standing.what_stands_is_not_forgotten, standing.checks_go_on_whatever_they_found),
    (standing.a_lost_event_is_found, standing.commands_are_believed),
    (standing.a_cursor_that_is_ahead_is_found, standing.cursors_are_only_behind),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def installation(servers: Servers) -> AsyncIterator[Checked]:
    """A history that agrees; who damages it puts it right."""
    async with checked(servers) as installation:
        yield installation


@pytest.mark.parametrize("check", [check for check, _ in RED], ids=lambda check: check.__name__)
async def test_the_check_does_it(check: Check, installation: Checked) -> None:
    await check(installation)


@pytest.mark.parametrize(("check", "mutation"), RED, ids=lambda one: one.__name__)
async def test_a_mutant_of_the_check_turns_it_red(check: Check, mutation: standing.Mutation, installation: Checked) -> None:
    with mutation(), pytest.raises(Broken):
        await check(installation)
