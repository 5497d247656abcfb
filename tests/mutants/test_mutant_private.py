"""State outside the log is what it says, and every mutant of the runtime turns its check red."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from deploy.local.servers import Servers
from tests.mutants import private
from tests.mutants.checks import Broken
from tests.support.in_process import InProcessDomains
from tests.support.private import people

Check = Callable[[InProcessDomains], Awaitable[None]]
RED: list[tuple[Check, private.Mutation]] = [
    (private.nothing_private_leaves_its_table, private.every_message_is_plain),
    (private.what_is_erased_is_gone, private.erased_rows_stay),
    (private.an_address_is_free_again_once_it_is_erased, private.rows_go_last),
    (private.a_replay_needs_nothing_private, private.projections_see_everything),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def in_process(servers: Servers) -> AsyncIterator[InProcessDomains]:
    """Domains, of which identity has tables outside the log."""
    async with people(servers.pg_admin_dsn) as in_process:
        yield in_process


@pytest.mark.parametrize("check", [check for check, _ in RED], ids=lambda check: check.__name__)
async def test_state_outside_the_log_is_what_it_says(check: Check, in_process: InProcessDomains) -> None:
    await check(in_process)


@pytest.mark.parametrize(("check", "mutation"), RED, ids=lambda one: one.__name__)
async def test_a_mutant_of_the_runtime_turns_it_red(check: Check, mutation: private.Mutation, in_process: InProcessDomains) -> None:
    with mutation(), pytest.raises(Broken):
        await check(in_process)
