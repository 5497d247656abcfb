"""Every promise about effects holds, and every mutant turns its check red."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from deploy.local.servers import Servers
from tests.mutants import effects
from tests.mutants.checks import Broken
from tests.support.databases import migrated

pytestmark = pytest.mark.timeout(90)
SOON = 3.0  # seconds in which what cannot come is waited for


@pytest_asyncio.fixture(loop_scope="session")
async def dsn(servers: Servers) -> AsyncIterator[str]:
    """The superuser's address of a database that the test may damage."""
    async with migrated(servers.pg_admin_dsn) as dsn:
        yield dsn


@pytest.mark.parametrize("check", [check for check, _ in effects.RED], ids=lambda value: value.__name__)
async def test_the_promise_holds(check: Callable[[str], Any], dsn: str) -> None:
    await check(dsn)


@pytest.mark.parametrize(("check", "mutation"), effects.RED, ids=lambda value: value.__name__)
async def test_the_mutant_turns_the_check_red(
    check: Callable[[str], Any], mutation: effects.Mutation, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "SOON", SOON)
    with mutation(), pytest.raises(Broken):
        await check(dsn)
