"""Every promise holds, and every mutant turns its check red."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from deploy.local.servers import Servers
from tests.mutants import mutations, promises
from tests.mutants.promises import Broken
from tests.support.databases import migrated
from tests.support.house import House
from tests.support.story import Story

Check = Callable[..., Awaitable[None]]
RED: list[tuple[str, Check, mutations.Mutation]] = [
    ("I1", promises.repeated_commands_are_applied_once, mutations.inbox_is_not_read),
    ("I1", promises.repeated_commands_are_applied_once, mutations.inbox_is_not_written),
    ("I1", promises.what_is_not_committed_is_not_acknowledged, mutations.acknowledged_before_commit),
    ("I2", promises.every_change_has_its_event, mutations.outbox_is_not_written),
    ("I2", promises.every_change_has_its_event, mutations.refusals_are_not_logged),
    ("I3", promises.late_reports_are_refused, mutations.every_lease_counts),
    ("I4", promises.tenants_are_apart, mutations.transactions_serve_everyone),
    ("I4", promises.tenants_are_apart, mutations.table_without_row_security),
    ("I5", promises.the_log_gives_the_same_rows, mutations.outbox_is_not_written),
    ("I5", promises.the_log_gives_the_same_rows, mutations.rows_take_the_wall_clock),
    ("I8", promises.a_poisoned_command_costs_only_itself, mutations.batches_are_not_halved),
    ("I8", promises.a_poisoned_command_costs_only_itself, mutations.poison_is_dropped),
    ("I9", promises.what_a_dead_process_left_is_done_at_once, mutations.claims_run_out_by_themselves),
    ("I9", promises.a_leader_that_froze_loses_its_lock, mutations.silent_leaders_are_left_alone),
    ("I9", promises.a_leader_that_was_replaced_begins_nothing, mutations.statements_name_no_lease),
    ("I9", promises.what_was_begun_under_a_lease_that_is_over_is_not_reported, mutations.leases_are_all_one),
    ("I9", promises.a_lost_connection_is_noticed_while_idle, mutations.idle_connections_are_not_watched),
]
SOON = 2.0  # seconds in which a recovery that cannot come is waited for
GREEN = list(dict.fromkeys((promise, check) for promise, check, _ in RED))


@pytest_asyncio.fixture(loop_scope="session")
async def house(servers: Servers) -> AsyncIterator[House]:
    """All domains over a database that the test may damage."""
    async with migrated(servers.pg_admin_dsn) as dsn, House(dsn) as running:
        yield running


async def made_ready(check: Check, house: House) -> tuple[Any, ...]:
    """What a check needs besides the house."""
    if check is not promises.late_reports_are_refused:
        return ()
    story = Story(house, tenants=1, jobs=1, seconds=2.0)
    await story.begin()
    await story.upload("template")
    await story.upload("audio")
    await story.publish()
    return (story,)


@pytest.mark.parametrize(("promise", "check"), GREEN, ids=lambda value: getattr(value, "__name__", value))
async def test_the_promise_holds(promise: str, check: Check, house: House) -> None:
    await check(house, *await made_ready(check, house))


@pytest.mark.parametrize(("promise", "check", "mutation"), RED, ids=lambda value: getattr(value, "__name__", value))
async def test_the_mutant_turns_the_check_red(
    promise: str, check: Check, mutation: mutations.Mutation, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promises, "SOON", SOON)
    needed = await made_ready(check, house)
    async with AsyncExitStack() as stack:
        mutant = mutation(house)
        if hasattr(mutant, "__aenter__"):
            await stack.enter_async_context(mutant)
        else:
            stack.enter_context(mutant)
        with pytest.raises(Broken):
            await check(house, *needed)
