"""The rows of a batch in memory: what is missing is asked for, what is taken back is gone, indexes follow what was put."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from consumers.runtime.replay.held import Held
from consumers.runtime.state import Load, Missing, State
from consumers.runtime.table import Table
from contracts.entity import Row

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TENANT, OTHER = uuid4(), uuid4()


class Thing(Row, frozen=True, kw_only=True):
    """A row of the tests."""

    thing_id: int
    state: str = "new"


THINGS = Table("test.things", Thing, ("thing_id",), (("state",),))


def thing(number: int, state: str = "new", tenant: UUID = TENANT) -> Thing:
    return Thing(tenant_id=tenant, thing_id=number, state=state, created_at=NOW, updated_at=NOW)


async def load(state: State, wants: Any, *stored: Thing) -> None:
    """Load as a store does that holds these rows."""

    async def fetch(loads: Sequence[Load]) -> list[list[Row]]:
        return [[row for row in stored if (row.tenant_id, *(getattr(row, name) for name in columns)) in keys] for _, columns, keys in loads]

    await state.load(wants, fetch)


async def wanted(state: State, ask: Any, *stored: Thing) -> Any:
    """Ask, load what is missing, ask again."""
    with pytest.raises(Missing) as missing:
        ask()
    await load(state, missing.value.wants, *stored)
    return ask()


async def test_a_row_that_is_not_loaded_is_missing_and_one_that_is_not_there_is_none() -> None:
    state = State()
    view = state.view(TENANT)
    assert await wanted(state, lambda: view.get(THINGS, 1), thing(1)) == thing(1)
    assert await wanted(state, lambda: view.get(THINGS, 2)) is None


async def test_many_asks_for_all_that_is_missing_at_once() -> None:
    state = State()
    await load(state, [(THINGS, THINGS.key, (TENANT, 1))], thing(1))
    with pytest.raises(Missing) as missing:
        state.view(TENANT).many(THINGS, [(1,), (2,), (3,)])
    assert [key for _, _, key in missing.value.wants] == [(TENANT, 2), (TENANT, 3)]


async def test_a_rollback_brings_back_the_rows_of_the_mark() -> None:
    state = State()
    view = state.view(TENANT)
    await load(state, [(THINGS, THINGS.key, (TENANT, 1)), (THINGS, ("state",), (TENANT, "new"))], thing(1))
    view.put(THINGS, thing(1, "kept"))
    mark = state.mark()
    view.put(THINGS, thing(1, "new"))
    view.put(THINGS, thing(2, "new"))
    state.rollback(mark)
    assert view.get(THINGS, 1) == thing(1, "kept")
    assert view.where(THINGS, state="new") == []
    assert state.changed() == {THINGS: [thing(1, "kept")]}


async def test_a_row_that_was_put_unseen_is_unknown_again_after_a_rollback() -> None:
    state = State()
    view = state.view(TENANT)
    view.put(THINGS, thing(1, "guessed"))
    state.rollback(0)
    assert await wanted(state, lambda: view.get(THINGS, 1), thing(1, "stored")) == thing(1, "stored")


async def test_an_index_follows_puts_of_new_and_of_moved_rows() -> None:
    state = State()
    view = state.view(TENANT)
    assert await wanted(state, lambda: view.where(THINGS, state="new"), thing(2), thing(1)) == [thing(1), thing(2)]
    view.put(THINGS, thing(1, "done"))
    view.put(THINGS, thing(3))
    assert [row.thing_id for row in view.where(THINGS, state="new")] == [2, 3]


async def test_a_loaded_index_does_not_bring_back_what_a_command_changed() -> None:
    state = State()
    view = state.view(TENANT)
    view.put(THINGS, thing(1, "done"))
    assert await wanted(state, lambda: view.where(THINGS, state="new"), thing(1, "new"), thing(2, "new")) == [thing(2, "new")]


async def test_only_declared_indexes_can_be_asked() -> None:
    with pytest.raises(ValueError, match="no index"):
        State().view(TENANT).where(THINGS, version=1)


async def test_a_view_shows_and_takes_rows_of_its_own_tenant_only() -> None:
    state = State()
    await load(state, [(THINGS, THINGS.key, (TENANT, 1)), (THINGS, THINGS.key, (OTHER, 1))], thing(1))
    assert state.view(OTHER).get(THINGS, 1) is None
    with pytest.raises(ValueError, match="a view of"):
        state.view(OTHER).put(THINGS, thing(1))


async def test_a_replays_state_knows_that_its_tables_began_empty() -> None:
    held = Held()
    view = held.view(TENANT)
    assert view.get(THINGS, 1) is None
    view.put(THINGS, thing(1))
    view.put(THINGS, thing(1, "done"))
    assert view.where(THINGS, state="done") == [thing(1, "done")]
    view.put(THINGS, thing(2, "done"))
    assert held.settle() == {THINGS: ([thing(1, "done"), thing(2, "done")], [])}
    view.put(THINGS, thing(2, "again"))
    view.put(THINGS, thing(3))
    assert held.settle() == {THINGS: ([thing(3)], [thing(2, "again")])}
    assert held.settle() == {}


async def test_a_replays_state_loads_rows_that_it_let_go() -> None:
    held = Held()
    view = held.view(TENANT)
    view.put(THINGS, thing(1))
    held.settle()
    held.let_go()
    assert held.count == 0
    assert await wanted(held, lambda: view.many(THINGS, [(1,)]), thing(1)) == [thing(1)]
    view.put(THINGS, thing(7))
    assert held.settle() == {THINGS: ([], [thing(7)])}, "nobody knows any more whether the table has it"
