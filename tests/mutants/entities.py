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
from tests.support.in_process import InProcessDomains, item_of

UNIQUE = "categories_name_unique"
LIVING = "select count(*) as rows, count(distinct name) as names from content.categories where tenant_id = $1 and state <> 'deleted'"


async def a_name_is_free_as_soon_as_it_is_given_up(in_process: InProcessDomains) -> None:
    """What makes room and what takes it may come in one batch, in which new rows are written first; what is taken is refused."""
    tenant = await in_process.tenant()
    first, second = [UUID((await in_process.send(CreateCategory(name=name), tenant))["category_id"]) for name in ("a", "b")]
    await _done(in_process, tenant, RenameCategory(category_id=first, name="c"), CreateCategory(name="a"))
    await _done(in_process, tenant, DeleteCategory(category_id=second), CreateCategory(name="b"))
    await _done(
        in_process, tenant, DeleteCategory(category_id=first), RenameCategory(category_id=await _id(in_process, tenant, "a"), name="c")
    )
    refused = await _decided(
        in_process, tenant, CreateCategory(name="b"), RenameCategory(category_id=await _id(in_process, tenant, "c"), name="b")
    )
    hold([outcome.state for outcome in refused] == ["refused", "refused"], f"taken names were given away: {refused}")


async def what_a_decider_forgets_the_database_refuses(in_process: InProcessDomains) -> None:
    """Of commands that nobody looks at, the one that takes a taken name is refused with the same code, and it alone."""
    tenant, store = await in_process.tenant(), in_process.stores["content"]
    items = [item_of(CreateCategory(name=name), tenant) for name in ("a", "b", "b", "c")]

    async def nobody(batch: Batch) -> None: ...

    with patch.object(categories, "taken", lambda *_, **__: None):
        await Settler(in_process.domains["content"], nobody, lambda: None).settle(store, items)
    ends = [(item.outcome.state, item.outcome.problem and item.outcome.problem.code) for item in items if item.outcome]
    done = ("done", None)
    hold(ends == [done, done, ("refused", "category.exists"), done], f"they ended as {ends}")
    row = await in_process.admin.fetchrow(LIVING, tenant)
    hold(row["rows"] == row["names"] == 3, f"{row['rows']} living rows have {row['names']} names")


async def _id(in_process: InProcessDomains, tenant: UUID, name: str) -> UUID:
    statement = "select category_id from content.categories where tenant_id = $1 and name = $2 and state <> 'deleted'"
    found: UUID = await in_process.admin.fetchval(statement, tenant, name)
    return found


async def _decided(in_process: InProcessDomains, tenant: UUID, *commands: Command) -> list[Any]:
    try:
        return await in_process.decide("content", [item_of(command, tenant) for command in commands])
    except asyncpg.PostgresError as error:
        raise Broken(f"{commands}: {error}") from error


async def _done(in_process: InProcessDomains, tenant: UUID, *commands: Command) -> None:
    outcomes = await _decided(in_process, tenant, *commands)
    hold(all(outcome.state == "done" for outcome in outcomes), f"{commands}: {outcomes}")


def nobody_asks_whether_it_is_taken(in_process: InProcessDomains) -> Any:
    """The rule that answers the caller says nothing."""
    return patch.object(categories, "taken", lambda *_, **__: None)


@asynccontextmanager
async def _unique_by(in_process: InProcessDomains, *statements: str) -> AsyncIterator[None]:
    """The constraint is replaced for a moment; the rows of other checks are of other tenants."""
    table = "alter table content.categories"
    await in_process.admin.execute(f"{table} drop constraint {UNIQUE}; {'; '.join(statements)}")
    try:
        yield
    finally:
        await in_process.admin.execute(f"{table} drop constraint if exists {UNIQUE}; drop index if exists content.{UNIQUE}")
        await in_process.admin.execute("truncate content.categories")
        await in_process.admin.execute(f"{table} add constraint {UNIQUE} {constraints(CATEGORIES)[UNIQUE]}")


def a_unique_index_is_enough(in_process: InProcessDomains) -> Any:
    """An index cannot be deferred: it sees new rows before those that make room for them."""
    return _unique_by(in_process, f"create unique index {UNIQUE} on content.categories (tenant_id, name) where state not in ('deleted')")


def rows_that_are_over_keep_their_names(in_process: InProcessDomains) -> Any:
    """The constraint looks at all rows."""
    text = f"add constraint {UNIQUE} exclude (tenant_id with =, name with =) deferrable initially deferred"
    return _unique_by(in_process, f"alter table content.categories {text}")


def nothing_is_unique(in_process: InProcessDomains) -> Any:
    """The migration has no such constraint."""
    return _unique_by(in_process, "select 1")


def nobody_knows_what_the_constraint_means(in_process: InProcessDomains) -> Any:
    """Its name leads to no refusal."""
    return patch.object(Domain, "refusal_of", lambda *_: None)
