"""Tables, their checks, indexes, views and grants are what their entities declare; what is besides is named here, for a person wrote it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from contracts.content.categories import CATEGORIES, Category
from contracts.entity import Entity
from contracts.fields import Moment
from contracts.visibility import Public
from deploy.domains import all_domains
from deploy.drafts import entities
from deploy.drift import drift_of

BESIDES: dict[str, set[str]] = {
    "identity.tenant_api_keys": {"tenant_api_keys_tenant_id_fkey"},
    "content.colour_presets": {"colour_presets_tenant_id_project_id_fkey"},
    "content.scenes": {"scenes_id", "scenes_in_order", "scenes_tenant_id_project_id_fkey"},
    "content.scene_elements": {"scene_elements_tenant_id_project_id_scene_key_fkey"},
    "notification.notifications": {"notifications_by_seen"},
    "render.render_nodes": {"render_nodes_by_name"},
    "render.node_crashes": {"node_crashes_by_node", "node_crashes_by_kind", "node_crashes_by_node_and_kind", "node_crashes_by_subject"},
    "render.render_jobs": {"jobs_done", "jobs_failure_has_code", "render_jobs_open", "render_jobs_by_state"},
    "render.exports": {"exports_tenant_id_job_id_fkey"},
    "render.job_segments": {"job_segments_tenant_id_job_id_fkey", "job_segments_tenant_id_segment_key_fkey"},
    "render.segments": {"segments_held", "segments_stored", "segments_in_repair"},
    "render.render_parts": {"render_parts_newest", "render_parts_running"},
    "render.inspections": {"inspections_open"},
    "render.templates": {"templates_set_aside"},
    "render.frame_repair_jobs": {
        "repairs_open",
        "repairs_failure_has_code",
        "frame_repair_jobs_of_job",
        "frame_repair_jobs_tenant_id_job_id_fkey",
    },
    "render.snapshots": {"snapshots_stored", "snapshots_failure_has_code", "snapshots_open"},
}
"""Constraints and indexes that no entity can declare: over several columns, partial ones for sweeps, foreign keys, other orders."""


@pytest_asyncio.fixture(loop_scope="session")
async def damaged(db: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """A database whose tables may be changed: all of it is taken back."""
    transaction = db.transaction()
    await transaction.start()
    yield db
    await transaction.rollback()


@pytest.mark.parametrize("entity", entities(), ids=repr)
async def test_a_table_is_what_its_entity_declares(db: asyncpg.Connection, entity: Entity[Any]) -> None:
    drift = await drift_of(db, entity)
    assert drift.statements == (), "`make migration` drafts what is lacking"
    assert set(drift.besides) == BESIDES.get(entity.table, set())


@pytest.mark.parametrize(
    "damage",
    [
        "alter table content.categories drop constraint categories_name_unique",
        "alter table content.categories drop constraint categories_state, add constraint categories_state check (state in ('active'))",
        "drop index content.categories_newest",
        "create or replace view read.categories as select tenant_id, version, created_at, updated_at, category_id, name, state"
        " from content.categories",
        "alter table content.categories alter column name drop not null",
        "revoke select on read.categories from edge_ro",
    ],
)
async def test_what_is_lacking_is_noticed(damaged: asyncpg.Connection, damage: str) -> None:
    await damaged.execute(damage)
    assert (await drift_of(damaged, CATEGORIES)).statements != ()


class Coloured(Category, frozen=True, kw_only=True):
    """A category with a column more."""

    colour: Public[Annotated[str, msgspec.Meta(min_length=7, max_length=7, description="red, green and blue")]] = "#FFFFFF"
    rank: Public[int | None] = 7  # may be missing, and is 7 in an event that does not say it
    owner: Public[UUID] = UUID(int=1)
    since: Public[Moment] = datetime(2026, 1, 2, tzinfo=UTC)
    parent: Public[str | None] = None
    tags: Public[tuple[str, ...]] = ("it's",)


async def test_a_field_more_is_drafted_as_a_column_that_is_filled_where_rows_are(damaged: asyncpg.Connection) -> None:
    await damaged.execute("insert into content.categories values ($1, 1, $2, $2, $3, 'a', 'active')", uuid4(), datetime.now(UTC), uuid4())
    entity = msgspec.structs.replace(CATEGORIES, row=Coloured)
    for statement in (await drift_of(damaged, entity)).statements:
        await damaged.execute(statement)
    (found,) = msgspec.json.decode(
        await damaged.fetchval("select json_agg(c)::text from content.categories c where name = 'a'"), type=list[Coloured]
    )
    filled = {field.name: field.default for field in msgspec.structs.fields(Coloured)[len(Category.__struct_fields__) :]}
    assert {name: getattr(found, name) for name in filled} == filled, "replay reads what was not said as the field's default"
    assert (await drift_of(damaged, entity)).statements == ()
    with pytest.raises(asyncpg.CheckViolationError, match="categories_colour"):
        await damaged.execute("update content.categories set colour = 'white'")


async def test_a_field_that_nothing_fills_is_refused(damaged: asyncpg.Connection) -> None:
    class Sized(Category, frozen=True, kw_only=True):
        size: Public[int]

    with pytest.raises(ValueError, match=r"content\.categories\.size: say by a default"):
        await drift_of(damaged, msgspec.structs.replace(CATEGORIES, row=Sized))


def test_what_events_of_the_past_leave_in_a_column_is_what_a_migration_filled_it_with() -> None:
    """An event that lacks a field is read with its default, a row that was there when its column came has its own: replay compares both."""
    for domain in all_domains():
        for table in domain.tables:
            filled = defaults(table.row)
            for event in domain.writes:
                if set(table.key) <= set(event.__struct_fields__):
                    given = {name: value for name, value in defaults(event).items() if name in filled}
                    assert given == {name: filled[name] for name in given}, f"{event.__name__} and {table}"


def defaults(cls: type[msgspec.Struct]) -> dict[str, Any]:
    """The defaults of a Struct's fields."""
    return {field.name: field.default for field in msgspec.structs.fields(cls) if field.default is not msgspec.NODEFAULT}
