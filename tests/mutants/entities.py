"""The promise that what is unique belongs to one living row, as checks over a real database, and wrong changes that they notice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import asyncpg

from consumers.content import categories
from consumers.runtime.batch import Batch
from consumers.runtime.domain import Domain
from consumers.runtime.settling import Settler
from contracts.content.categories import CATEGORIES, CreateCategory, DeleteCategory, RenameCategory
from contracts.message import Command
from deploy.drafts import constraints
from tests.mutants.checks import Broken, hold
from tests.support.house import House, item_of

UNIQUE = "categories_name_unique"
LIVING = "select count(*) as rows, count(distinct name) as names from content.categories where tenant_id = $1 and state <> 'deleted'"


async def a_name_is_free_as_soon_as_it_is_given_up(house: House) -> None:
    """What makes room and what takes it may come in one batch, in which new rows are written first; what is taken is refused."""
    tenant = await house.tenant()
    first, second = [UUID((await house.send(CreateCategory(name=name), tenant))["category_id"]) for name in ("a", "b")]
    await _done(house, tenant, RenameCategory(category_id=first, name="c"), CreateCategory(name="a"))
    await _done(house, tenant, DeleteCategory(category_id=second), CreateCategory(name="b"))
    await _done(house, tenant, DeleteCategory(category_id=first), RenameCategory(category_id=await _id(house, tenant, "a"), name="c"))
    refused = await _decided(house, tenant, CreateCategory(name="b"), RenameCategory(category_id=await _id(house, tenant, "c"), name="b"))
    hold([outcome.state for outcome in refused] == ["refused", "refused"], f"taken names were given away: {refused}")


async def what_a_decider_forgets_the_database_refuses(house: House) -> None:
    """Of commands that nobody looks at, the one that takes a taken name is refused with the same code, and it alone."""
    tenant, store = await house.tenant(), house.stores["content"]
    items = [item_of(CreateCategory(name=name), tenant) for name in ("a", "b", "b", "c")]

    async def nobody(batch: Batch) -> None: ...

    with patch.object(categories, "taken", lambda *_, **__: None):
        await Settler(house.domains["content"], nobody, lambda: None).settle(store, items)
    ends = [(item.outcome.state, item.outcome.problem and item.outcome.problem.code) for item in items if item.outcome]
    done = ("done", None)
    hold(ends == [done, done, ("refused", "category.exists"), done], f"they ended as {ends}")
    row = await house.admin.fetchrow(LIVING, tenant)
    hold(row["rows"] == row["names"] == 3, f"{row['rows']} living rows have {row['names']} names")


async def _id(house: House, tenant: UUID, name: str) -> UUID:
    statement = "select category_id from content.categories where tenant_id = $1 and name = $2 and state <> 'deleted'"
    found: UUID = await house.admin.fetchval(statement, tenant, name)
    return found


async def _decided(house: House, tenant: UUID, *commands: Command) -> list[Any]:
    try:
        return await house.decide("content", [item_of(command, tenant) for command in commands])
    except asyncpg.PostgresError as error:
        raise Broken(f"{commands}: {error}") from error


async def _done(house: House, tenant: UUID, *commands: Command) -> None:
    outcomes = await _decided(house, tenant, *commands)
    hold(all(outcome.state == "done" for outcome in outcomes), f"{commands}: {outcomes}")


def nobody_asks_whether_it_is_taken(house: House) -> Any:
    """The rule that answers the caller says nothing."""
    return patch.object(categories, "taken", lambda *_, **__: None)


@asynccontextmanager
async def _unique_by(house: House, *statements: str) -> AsyncIterator[None]:
    """The constraint is replaced for a moment; the rows of other checks are of other tenants."""
    table = "alter table content.categories"
    await house.admin.execute(f"{table} drop constraint {UNIQUE}; {'; '.join(statements)}")
    try:
        yield
    finally:
        await house.admin.execute(f"{table} drop constraint if exists {UNIQUE}; drop index if exists content.{UNIQUE}")
        await house.admin.execute("truncate content.categories")
        await house.admin.execute(f"{table} add constraint {UNIQUE} {constraints(CATEGORIES)[UNIQUE]}")


def a_unique_index_is_enough(house: House) -> Any:
    """An index cannot be deferred: it sees new rows before those that make room for them."""
    return _unique_by(house, f"create unique index {UNIQUE} on content.categories (tenant_id, name) where state not in ('deleted')")


def rows_that_are_over_keep_their_names(house: House) -> Any:
    """The constraint looks at all rows."""
    text = f"add constraint {UNIQUE} exclude (tenant_id with =, name with =) deferrable initially deferred"
    return _unique_by(house, f"alter table content.categories {text}")


def nothing_is_unique(house: House) -> Any:
    """The migration has no such constraint."""
    return _unique_by(house, "select 1")


def nobody_knows_what_the_constraint_means(house: House) -> Any:
    """Its name leads to no refusal."""
    return patch.object(Domain, "refusal_of", lambda *_: None)
