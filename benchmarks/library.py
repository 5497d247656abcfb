"""Every named statement of sql/read, over a tenant with nearly all rows and one with ten: what is filled, and what is asked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from msgspec import inspect

from api_edge.routes import statements
from api_edge.stream.events import public_types
from benchmarks.filling import SPAN, Given, fill, literal, without_checks
from contracts.domains import DOMAINS
from contracts.entity import Entity
from contracts.message import PLATFORM
from deploy.drafts import entities

BIG, SMALL = UUID(int=0xB16), UUID(int=0x5A11)
FEW = 10  # rows of the small tenant, and of what is rare in the large one: the oldest, which a look from the newest on finds last
PAGE = 51  # as the edge asks for 50
NODE, RARE_NODE, JOB, PROJECT = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
KEY = "ab" * 16
RARE = f"case when n <= {FEW} then {{}} else {{}} end"
OF_ONE = "case when n % 10 = 0 then '{}'::uuid else gen_random_uuid() end"  # a tenth belongs to one thing
WHOLE = {
    "all_api_keys": "an edge loads every key at its start, and follows events from there",
    "all_tenants": "an edge loads every tenant's limits at its start",
}
"""Statements that read all there is, and why."""
TABLES: dict[str, Given] = {
    "identity.tenant_api_keys": {"state": "'active'", "format": "2"},
    "identity.revealed_secrets": {},
    "content.projects": {"state": "'published'"},
    "content.colour_presets": {"key": "'k' || n"},
    "content.scenes": {"project_id": OF_ONE.format(PROJECT), "key": "'s' || n", "position": "n"},
    "content.scene_elements": {"project_id": OF_ONE.format(PROJECT), "scene_key": "'s' || n", "key": "'e'", "kind": "'text'"},
    "studio.saved_projects": {},
    "studio.snapshot_requests": {},
    "file_mgr.upload_sessions": {"state": "'stored'"},
    "file_mgr.files": {"state": "'ready'"},
    "render.render_jobs": {"state": RARE.format("'cancelled'", "'completed'"), "priority": "50"},
    "render.render_parts": {"subject_id": OF_ONE.format(JOB), "kind": "'render'", "state": "'done'", "node_id": f"'{NODE}'"},
    "render.frame_repair_jobs": {"job_id": OF_ONE.format(JOB), "state": "'done'", "cause": "'person'"},
    "render.snapshots": {"state": "'queued'"},
    "render.object_scrubs": {"kind": "'export'", "name": "'o' || n", "found": "'whole'"},
    "render.templates": {"template": "'t' || lpad(n::text, 9, '0')", "state": RARE.format("'set_aside'", "'open'")},
    "notification.notifications": {"seen": f"n > {FEW}"},
}
"""Of each tenant."""
FARM: dict[str, Given] = {
    "render.render_nodes": {"node_id": f"case n when 1 then '{NODE}'::uuid else gen_random_uuid() end", "name": "'node ' || n",
                            "state": RARE.format("'active'", "'lost'"), "service": "'open'"},
    "render.node_identities": {"node_id": f"case n when 1 then '{NODE}'::uuid else gen_random_uuid() end", "state": "'active'"},
    "render.join_tokens": {"state": "'open'"},
    "render.node_crashes": {"node_id": RARE.format(f"'{RARE_NODE}'::uuid", f"'{NODE}'::uuid"),
                            "kind": RARE.format("'engine_hang'", "'engine_crash'")},
    "render.node_health_logs": {"node_id": f"'{NODE}'", "at": "date_trunc('month', now()) + n * interval '1 millisecond'"},
}  # fmt: skip
"""Of the platform tenant."""
LISTED = [entity for entity in entities() if entity.newest and entity.view is not None and entity.table not in FARM]
"""Entities of a tenant of which one by its key, or a page, is read by a statement that is derived, or like those that are."""


def _given(entity: Entity[Any], *kinds: type[inspect.Type]) -> Given:
    """What its columns of some types may hold: the first of their words, or a text of each row's own."""
    found = inspect.type_info(entity.row)
    assert isinstance(found, inspect.StructType)
    fields = [field for field in found.fields if isinstance(field.type, kinds)]
    return {field.name: literal(field.type.values[0]) if isinstance(field.type, inspect.LiteralType) else "'n' || n" for field in fields}


WORDS = {entity.table: _given(entity, inspect.LiteralType) for entity in entities()}
NAMED = {entity.table: _given(entity, inspect.LiteralType, inspect.StrType) for entity in LISTED if entity.table not in TABLES}
INBOX = {
    "state": "'done'",
    "type": "'cmd.a.b.c.v1'",
    "outcome": "'{}'",
    "key_hash": f"case n when 7 then '{KEY}' else md5(n::text) end",
    "events": "1",
}
EFFECT = {"state": RARE.format("'exhausted'", "'due'"), "kind": RARE.format("'rare'", "'usual'"), "lane": "'prompt'", "ended": "''"}
EVENT = {"type": "'evt.render.part.assigned.v1'", "body": "'{}'", "hash": "repeat('0', 64)", "prev_hash": "repeat('0', 64)"}


class Library:
    """A filled database; `rows` is how many each table has of the large tenant."""

    def __init__(self, conn: asyncpg.Connection, rows: int) -> None:
        self._conn, self.rows = conn, rows
        self.began = datetime.now(UTC) - SPAN - timedelta(minutes=1)
        self.ids: dict[str, UUID] = {}

    async def fill(self) -> None:
        """Make all rows."""
        await without_checks(self._conn)
        await self._conn.execute("select platform.keep_months('render.node_health_logs', 1, 3, now())")
        for table, given in FARM.items():
            await fill(self._conn, table, PLATFORM, self.rows, self.began, given)
        for tenant, rows in ((BIG, self.rows), (SMALL, FEW)):
            await fill(self._conn, "identity.tenants", tenant, 1, self.began, {"requests_per_second": "100", "tenant_id": f"'{tenant}'"})
            for table, given in (NAMED | TABLES).items():
                own = self._own(table, WORDS.get(table, {}) | given, tenant)
                await fill(self._conn, table, tenant, rows, self.began, own)
            for domain in DOMAINS:
                await fill(self._conn, f"{domain}.inbox", tenant, rows, self.began, INBOX)
                await fill(self._conn, f"{domain}.effects", tenant, rows, self.began, EFFECT)
        await self._fill_log()
        await self._jobs_of_requests()
        await self._conn.execute("reset session_replication_role")

    async def look_up(self) -> None:
        """Note which ids there are to be asked for."""
        asked = {
            "project": "project_id from content.projects",
            "job": f"job_id from render.render_jobs where job_id <> '{JOB}'",
            "snapshot": "snapshot_id from studio.snapshot_requests", "operation": "id from render.inbox",
            "event": "event_id from log.events",
        }  # fmt: skip
        for name, of in asked.items():
            self.ids[name] = await self._conn.fetchval(f"select {of} {'and' if 'where' in of else 'where'} tenant_id = $1 limit 1", BIG)
        for entity in LISTED:
            (id,) = entity.key
            self.ids[entity.thing] = await self._conn.fetchval(f"select {id} from {entity.table} where tenant_id = $1 limit 1", BIG)
        self.ids["token"] = await self._conn.fetchval("select token_id from render.join_tokens limit 1")

    def _own(self, table: str, given: Given, tenant: UUID) -> Given:
        """The thing that has a tenth of the parts, repairs and scenes is the large tenant's own."""
        return given if tenant == BIG else {name: value for name, value in given.items() if "n % 10" not in value}

    async def _jobs_of_requests(self) -> None:
        """Every render was asked for, and most have an export; of the latest, a few have no job yet."""
        await self._conn.execute(
            f"update render.render_jobs set job_id = '{JOB}'"
            f" where ctid = (select ctid from render.render_jobs where tenant_id = '{BIG}' limit 1);"
            " insert into studio.render_requests select tenant_id, job_id, 1, created_at, updated_at, gen_random_uuid(), null,"
            " '', 50, 1, 1, 1, 1, 'draft', 1, metadata from render.render_jobs;"
            " insert into render.exports select tenant_id, job_id, 1, created_at, updated_at, '', '', 1, 1, 1, '', false"
            " from render.render_jobs;"
        )
        latest = WORDS["studio.render_requests"] | {"created_at": "now()", "updated_at": "now()"}
        await fill(self._conn, "studio.render_requests", BIG, 5, self.began, latest)

    async def _fill_log(self) -> None:
        rows = self.rows + FEW
        for _ in range(4):
            await self._conn.execute("select log.make_part($1)", max(1000, rows // 4))
        await fill(self._conn, "log.events", BIG, self.rows, self.began, {**EVENT, "position": "n"})
        await fill(self._conn, "log.events", SMALL, FEW, self.began, {**EVENT, "position": f"n + {self.rows}"})
        await self._conn.execute("update log.head set position = $1, published = $1", rows)
        await fill(self._conn, "log.archives", BIG, self.rows, self.began, {"first": "n * 10", "last": "n * 10 + 9", "format": "2"})
        await fill(self._conn, "log.ranges", BIG, self.rows, self.began, {"first": "n * 10", "last": "n * 10 + 9", "run": "n * 10"})

    def cases(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Statements with their parameters: each list from its beginning, in the middle and near its end, with each of its filters."""
        yield from self._once()
        for tenant in (BIG, SMALL):
            yield from self._by_id(tenant)
            yield from self._of_the_log(tenant)
            for at in self._cursors():
                yield from self._lists(tenant, at)

    def _cursors(self) -> list[tuple[datetime, UUID]]:
        return [(datetime(9999, 12, 31, tzinfo=UTC), UUID(int=0)), (self.began + SPAN / 2, uuid4()), (self.began + SPAN / 20, uuid4())]

    def _once(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        yield "begin_read", (str(BIG),)
        for name in ("log_head", "log_alarms", "checked"):
            yield name, ()
        yield "events_of_all", (self.rows // 2, self.rows)
        yield "unsorted", (0,)
        yield "actors_of_events", ([self.ids["event"], uuid4()],)

    def _by_id(self, tenant: UUID) -> Iterator[tuple[str, tuple[Any, ...]]]:
        for thing in ("project", "snapshot", "operation", *(entity.thing for entity in LISTED)):
            if f"{thing}_by_id" in statements():
                yield f"{thing}_by_id", (tenant, self.ids[thing])
        yield "tenant_by_id", (tenant,)
        yield "operations_of_key", (tenant, KEY, uuid4())
        for query in ("render_by_id", "explain_render", "job_in_log"):
            yield query, (tenant, self.ids["job"])
        for query in ("node_by_id", "node_identity", "node_standing"):
            yield query, (PLATFORM, NODE)
        yield "upload_place_by_id", (tenant, self.ids["upload"])
        yield "join_token", (PLATFORM, self.ids["token"])
        yield "object_look", (tenant, "export", "o1")

    def _of_the_log(self, tenant: UUID) -> Iterator[tuple[str, tuple[Any, ...]]]:
        for behind in (None, self.rows // 2):
            for prefix in ("", "render.part", "render.job"):
                yield "log_of_tenant", (tenant, public_types(prefix), None, behind, PAGE)
        yield "ranges_of_tenant", (tenant, self.rows * 5, self.rows * 10)

    def _lists(self, tenant: UUID, at: tuple[datetime, UUID]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        for query in ("projects", "join_tokens", *(entity.shown_as for entity in LISTED if entity.shown_as != "notifications")):
            yield query, (tenant, *at, PAGE)
        for state in (None, "completed", "cancelled", "queued"):
            yield "renders", (tenant, state, *at, PAGE)
        for seen in (None, True, False):
            yield "notifications", (tenant, seen, *at, PAGE)
        for query in ("parts_of_render", "repairs_of_render"):
            yield query, (tenant, JOB, *at, PAGE)
        for node in (None, NODE, RARE_NODE):
            for kind in (None, "engine_crash", "engine_hang"):
                yield "node_crashes", (tenant, node, kind, *at, PAGE)
        for state in (None, "due", "exhausted"):
            for kind in (None, "usual", "rare"):
                for domain in (None, "content"):
                    yield "effects", (tenant, state, kind, domain, *at, PAGE)
        begins = at[0].year == 9999
        yield "nodes", (tenant, "" if begins else f"node {self.rows // 2}", at[1], PAGE)
        yield "node_health", (tenant, NODE, at[0], PAGE)
        yield "scenes_of_project", (tenant, PROJECT, -1 if begins else self.rows // 2, PAGE)
        yield "templates_set_aside", (tenant, "" if begins else "t000000005", PAGE)
