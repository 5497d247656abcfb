"""The pool that a process's domains share, on a real PostgreSQL."""

import asyncio

import asyncpg
import pytest

from consumers.runtime import pool as rules
from consumers.runtime.pool import Connections
from tests.support.leading import app_connection

DOMAINS = ("identity", "content", "studio")


@pytest.fixture
def connections(database: str) -> Connections:
    return Connections(lambda domain: app_connection(database, domain), most=3, each=2)


async def who(connections: Connections, domain: str, *, meanwhile: asyncio.Event | None = None) -> tuple[str, int]:
    """The role and the backend that one gets."""
    async with connections.of(domain).acquire() as conn:
        if meanwhile is not None:
            await meanwhile.wait()
        return await conn.fetchval("select current_user::text"), conn.get_server_pid()


async def test_each_role_gets_its_own_connections_and_the_next_one_gets_the_same_again(connections: Connections) -> None:
    first = [await who(connections, domain) for domain in DOMAINS]
    assert [role for role, _ in first] == [f"{domain}_app" for domain in DOMAINS]
    assert [await who(connections, domain) for domain in DOMAINS] == first and connections.open == 3
    await connections.close()
    assert connections.open == 0


async def test_there_are_never_more_than_allowed_and_who_waits_gets_one_whatever_role_it_has(connections: Connections) -> None:
    go_on, most = asyncio.Event(), 0
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(who(connections, domain, meanwhile=go_on)) for domain in DOMAINS for _ in range(10)]
        for _ in range(20):
            await asyncio.sleep(0.01)
            most = max(most, connections.open)
        go_on.set()
    assert most == 3
    got = [task.result() for task in asked]
    assert [role for role, _ in got] == [f"{domain}_app" for domain in DOMAINS for _ in range(10)]
    assert all(len({pid for role, pid in got if role == f"{domain}_app"}) <= 10 for domain in DOMAINS)
    assert connections.open <= 3
    await connections.close()


async def test_one_role_cannot_take_all_of_them(connections: Connections) -> None:
    go_on = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(who(connections, "identity", meanwhile=go_on))
        assert (await who(connections, "content"))[0] == "content_app"
        go_on.set()
    await connections.close()


async def test_who_gets_none_in_time_hears_so_and_holds_nothing(connections: Connections) -> None:
    async with connections.of("identity").acquire(), connections.of("identity").acquire():
        with pytest.raises(TimeoutError):
            async with connections.of("identity").acquire(timeout=0.05):
                pass
    assert connections.open == 2
    await connections.close()


async def test_what_is_idle_is_closed_and_opened_again_when_needed(connections: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "IDLE", 0.05)
    _, first = await who(connections, "identity")
    while connections.open:
        await asyncio.sleep(0.01)
    _, second = await who(connections, "identity")
    assert second != first
    await connections.close()


async def test_a_connection_that_was_left_in_the_middle_is_not_lent_again(connections: Connections) -> None:
    async def begin_and_leave() -> None:
        async with connections.of("identity").acquire() as conn:
            await conn.execute("begin")

    async def be_cancelled() -> None:
        async with connections.of("identity").acquire() as conn:
            task = asyncio.current_task()
            assert task
            asyncio.get_running_loop().call_later(0.05, task.cancel)
            await conn.execute("select pg_sleep(60)")

    await begin_and_leave()
    with pytest.raises(asyncio.CancelledError):
        await be_cancelled()
    assert connections.open == 0
    with pytest.raises(asyncpg.UndefinedTableError):
        async with connections.of("identity").acquire() as conn:
            await conn.execute("select from nothing_of_this_name")
    assert connections.open == 1  # the server answered: it can be used again
    assert (await who(connections, "identity"))[0] == "identity_app"
    await connections.close()


async def test_a_connection_that_cannot_be_made_leaves_its_place_free(database: str) -> None:
    async def away(domain: str) -> asyncpg.Connection:
        raise OSError("nobody is there")

    connections = Connections(away, most=1, each=1)
    for _ in range(3):
        with pytest.raises(OSError, match="nobody"):
            await who(connections, "identity")
    assert connections.open == 0
