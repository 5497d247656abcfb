"""What every table promises: a kind, a tenant, row-level security, and rows that only projection writes."""

import datetime
import re
import types
import typing
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from api_edge.routes import statements
from consumers.runtime.retention import rules_of
from consumers.runtime.retention_rules import Swept
from consumers.runtime.table import Table
from contracts.domains import DOMAINS
from deploy.domains import all_domains
from sql.migrate import migrations
from tests.support.password import PASSWORD

ROOT = Path(__file__).parents[2]
WORK = {"inbox", "outbox", "effects", "destinations", "timers", "cursors", "leader"}
CHECKS = {"checks.state", "checks.walks", "checks.differences"}
SECRET = {"outcome", "headers", "body", "payload", "envelope", "request_hash", "key_hash", "answer"}  # of work tables
WITHOUT_TENANT = {f"{domain}.{name}" for domain in DOMAINS for name in ("cursors", "leader")} | CHECKS
WITHOUT_TENANT |= {f"log.{name}" for name in ("archives", "head", "alarms", "parts")}
TELEMETRY = {"render.node_health_logs", "render.object_scrubs"}
GROWING = ("work: ", "telemetry: ", "private: ")
KINDS = ("event", "work", "telemetry", "log", "private")
PRIVATE = {table.name for domain in all_domains() for table in domain.private}
EVENT_TABLES: dict[str, Table] = {table.name: table for domain in all_domains() for table in domain.tables}
TABLES = """
    select n.nspname || '.' || c.relname as name, c.oid, c.relrowsecurity as rls, c.relforcerowsecurity as forced,
      obj_description(c.oid) as comment
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition
      and n.nspname not in ('pg_catalog', 'information_schema', 'public') and n.nspname !~ '^pg_'
"""
COLUMNS = """
    select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as filled, a.atthasdef as has_default
    from pg_attribute a where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
CONSTRAINTS = """
    select c.conname as name, c.contype::text as kind, c.conrelid::regclass::text as on_table, c.confrelid::regclass::text as to_table,
      array(select a.attname::text from unnest(c.conkey) with ordinality k(num, at)
            join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.num order by k.at) as columns,
      c.condeferrable and c.condeferred as deferred, c.confdeltype::text as on_delete, c.confupdtype::text as on_update
    from pg_constraint c where c.conrelid = $1
"""
SQL_TYPES: dict[object, set[str]] = {
    UUID: {"uuid"},
    str: {"text"},
    int: {"integer", "bigint"},
    float: {"double precision"},
    bool: {"boolean"},
    datetime.datetime: {"timestamp with time zone"},
}


@pytest_asyncio.fixture(loop_scope="session")
async def tables(db: asyncpg.Connection) -> dict[str, asyncpg.Record]:
    """Every table of the product, by name."""
    return {row["name"]: row for row in await db.fetch(TABLES)}


async def test_every_table_is_an_event_table_a_private_or_work_table_or_known_telemetry(tables: dict[str, asyncpg.Record]) -> None:
    ours = {name for name in tables if name.split(".")[0] in DOMAINS}
    assert ours == set(EVENT_TABLES) | PRIVATE | TELEMETRY | {f"{domain}.{name}" for domain in DOMAINS for name in WORK}
    assert all(tables[name]["comment"].startswith("telemetry: ") for name in TELEMETRY)
    assert {name for name, row in tables.items() if row["comment"].startswith("private: ")} == PRIVATE


async def test_what_becomes_of_every_table_that_can_grow_is_declared(db: asyncpg.Connection, tables: dict[str, asyncpg.Record]) -> None:
    grow = {name for name, row in tables.items() if row["comment"].startswith(GROWING)} - CHECKS  # bounded by themselves
    declared = {f"{domain.name}.{rule.table}": rule for domain in all_domains() for rule in rules_of(domain)}
    assert grow == set(declared), "say in `retains` of the domain, or in RUNTIME of retention_rules, how long its rows are kept"
    for name, rule in declared.items():
        columns = {column["name"]: column["type"] for column in await db.fetch(COLUMNS, tables[name]["oid"])}
        if rule.column:
            assert columns.get(rule.column) == "timestamp with time zone", f"{name} has no moment {rule.column}"
        if isinstance(rule, Swept):
            assert name not in EVENT_TABLES and rule.days > 0


async def test_a_domain_declares_only_tables_of_its_own_schema() -> None:
    for domain in all_domains():
        assert {table.name.split(".")[0] for table in domain.tables} <= {domain.name}


async def test_every_table_says_its_kind_and_what_it_is_for(tables: dict[str, asyncpg.Record]) -> None:
    for name, row in tables.items():
        assert re.fullmatch(rf"({'|'.join(KINDS)}): .{{5,}}", row["comment"] or ""), f"{name} has the comment {row['comment']!r}"
        is_event = row["comment"].startswith("event: ")
        assert is_event == (name in EVENT_TABLES), f"{name} is {'' if is_event else 'not '}an event table by its comment"


async def test_every_table_with_a_tenant_has_forced_row_level_security(db: asyncpg.Connection, tables: dict[str, asyncpg.Record]) -> None:
    for name, row in tables.items():
        if name in WITHOUT_TENANT:
            continue
        assert row["rls"] and row["forced"], f"{name} has no forced row-level security"
        policies = await db.fetch("select polname, polcmd::text as cmd, polpermissive from pg_policy where polrelid = $1", row["oid"])
        assert [tuple(policy) for policy in policies] == [("tenants", "*", True)], name


async def test_only_known_tables_have_no_tenant(db: asyncpg.Connection, tables: dict[str, asyncpg.Record]) -> None:
    without = {name for name, row in tables.items() if "tenant_id" not in [c["name"] for c in await db.fetch(COLUMNS, row["oid"])]}
    assert without == WITHOUT_TENANT


@pytest.mark.parametrize("name", EVENT_TABLES)
async def test_an_event_table_has_no_defaults_no_triggers_and_no_cascades(
    db: asyncpg.Connection, tables: dict[str, asyncpg.Record], name: str
) -> None:
    assert [column["name"] for column in await db.fetch(COLUMNS, tables[name]["oid"]) if column["has_default"]] == []
    assert await db.fetch("select tgname from pg_trigger where tgrelid = $1 and not tgisinternal", tables[name]["oid"]) == []
    for constraint in await db.fetch(CONSTRAINTS, tables[name]["oid"]):
        if constraint["kind"] == "f":
            assert (constraint["on_delete"], constraint["on_update"]) == ("a", "a"), f"{constraint['name']} cascades"
            assert constraint["deferred"], f"{constraint['name']} must be deferrable initially deferred, so that replay needs no order"


@pytest.mark.parametrize("name", EVENT_TABLES)
async def test_the_tenant_is_in_every_key_of_an_event_table(db: asyncpg.Connection, tables: dict[str, asyncpg.Record], name: str) -> None:
    for constraint in await db.fetch(CONSTRAINTS, tables[name]["oid"]):
        if constraint["kind"] == "p":
            assert constraint["columns"] == ["tenant_id", *EVENT_TABLES[name].key], "the primary key is the tenant and the declared key"
        if constraint["kind"] in ("u", "f", "x"):
            assert constraint["columns"][0] == "tenant_id", f"{constraint['name']} would tie tenants together"
        if constraint["kind"] == "f":
            assert constraint["to_table"].split(".")[0] == name.split(".")[0], f"{constraint['name']} reaches another domain"
    unique = (
        "select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as text from pg_index where indrelid = $1 and indisunique"
    )
    for index in await db.fetch(unique, tables[name]["oid"]):
        assert "(tenant_id" in index["text"], f"{index['name']} is unique over all tenants"


@pytest.mark.parametrize("name", EVENT_TABLES)
async def test_a_rows_fields_are_its_tables_columns(db: asyncpg.Connection, tables: dict[str, asyncpg.Record], name: str) -> None:
    hints = typing.get_type_hints(EVENT_TABLES[name].row)
    columns = {column["name"]: column for column in await db.fetch(COLUMNS, tables[name]["oid"])}
    assert set(columns) == set(EVENT_TABLES[name].fields)
    for field, column in columns.items():
        kinds, optional = plain(hints[field])
        expected = set().union(*(SQL_TYPES.get(kind, {"jsonb"}) for kind in kinds))
        assert column["type"] in expected, f"{name}.{field} is {column['type']}, its row says {hints[field]}"
        assert column["filled"] != optional, f"{name}.{field}: the column and the row disagree on whether it may be empty"


@pytest.mark.parametrize("name", EVENT_TABLES)
async def test_a_declared_index_is_one_of_the_database(db: asyncpg.Connection, tables: dict[str, asyncpg.Record], name: str) -> None:
    texts = [
        row["text"]
        for row in await db.fetch("select pg_get_indexdef(indexrelid) as text from pg_index where indrelid = $1", tables[name]["oid"])
    ]
    for columns in EVENT_TABLES[name].indexes:
        start = f"({', '.join(('tenant_id', *columns))}"
        assert any(start in text for text in texts), f"{name} is asked by {columns}, which no index serves"


async def test_an_app_role_reaches_its_own_schema_only(db: asyncpg.Connection, tables: dict[str, asyncpg.Record]) -> None:
    for domain in DOMAINS:
        for name in tables:
            may = await db.fetchval("select has_table_privilege($1, $2, 'select, insert, update, delete')", f"{domain}_app", name)
            assert not (may and name.split(".")[0] != domain), f"{domain}_app may reach {name}"
        for table in EVENT_TABLES:
            if table.split(".")[0] == domain:
                assert not await db.fetchval("select has_table_privilege($1, $2, 'delete, truncate')", f"{domain}_app", table), (
                    f"{table} can lose rows"
                )


async def test_no_service_role_owns_a_table_or_passes_row_level_security(db: asyncpg.Connection) -> None:
    roles = await db.fetch("select rolname, rolsuper, rolbypassrls, rolcanlogin from pg_roles where rolname ~ '_(app|owner|ro)$'")
    assert {row["rolname"] for row in roles} >= {f"{domain}_app" for domain in DOMAINS} | {"edge_ro", "log_app"}
    for row in roles:
        assert not row["rolsuper"] and not row["rolbypassrls"], row["rolname"]
        assert row["rolcanlogin"] == (not row["rolname"].endswith("_owner")), row["rolname"]
    owned = await db.fetch("select c.relname from pg_class c join pg_roles r on r.oid = c.relowner where r.rolcanlogin and not r.rolsuper")
    assert owned == []


async def test_the_check_reads_what_it_compares_and_writes_what_it_keeps(db: asyncpg.Connection, tables: dict[str, asyncpg.Record]) -> None:
    for name in tables:
        domain, _, short = name.partition(".")
        writes = await db.fetchval("select has_any_column_privilege('check_app', $1, 'insert, update')", name)
        writes = writes or await db.fetchval("select has_table_privilege('check_app', $1, 'delete, truncate')", name)
        assert writes == (name in CHECKS), name
        if name in EVENT_TABLES:
            assert await db.fetchval("select has_table_privilege('check_app', $1, 'select')", name), f"{name} is compared"
        if domain in DOMAINS and short in WORK - {"outbox"}:
            for column in await db.fetch(COLUMNS, tables[name]["oid"]):
                read = await db.fetchval("select has_column_privilege('check_app', $1, $2, 'select')", name, column["name"])
                assert not (read and column["name"] in SECRET), f"{name}.{column['name']} is no business of the check"


async def test_the_edge_reads_the_schema_read_and_nothing_else(db: asyncpg.Connection, tables: dict[str, asyncpg.Record]) -> None:
    for name in tables:
        assert not await db.fetchval("select has_table_privilege('edge_ro', $1, 'select, insert, update, delete, truncate')", name), name
    views = await db.fetch("select oid::regclass::text as name from pg_class where relkind = 'v' and relnamespace = 'read'::regnamespace")
    assert views
    for view in views:
        assert await db.fetchval("select has_table_privilege('edge_ro', $1, 'select')", view["name"]), view["name"]
        assert not await db.fetchval("select has_table_privilege('edge_ro', $1, 'insert, update, delete')", view["name"]), view["name"]


async def test_every_view_of_the_edge_is_read_by_a_statement(db: asyncpg.Connection) -> None:
    files = [path for path in (ROOT / "sql").rglob("*.sql") if "migrations" not in path.parts]
    text = "\n".join([*(path.read_text(encoding="utf-8") for path in files), *statements().values()])
    views = await db.fetch("select relname as name from pg_class where relkind = 'v' and relnamespace = 'read'::regnamespace")
    assert [view["name"] for view in views if not re.search(rf"\bread\.{view['name']}\b", text)] == []


async def test_the_edge_sees_rows_of_the_served_tenant_only(servers: typing.Any, db: asyncpg.Connection) -> None:
    database = await db.fetchval("select current_database()")
    one, other = UUID(int=1), UUID(int=2)
    for tenant in (one, other):
        await db.execute("insert into identity.tenants values ($1, 1, now(), now(), 'n', 1, 1, 1) on conflict do nothing", tenant)
    edge = await asyncpg.connect(servers.pg_dsn("edge_ro", PASSWORD, database))
    try:
        assert await edge.fetch("select * from read.tenants") == []
        await edge.execute(f"set app.tenants = '{one}'")
        assert [row["tenant_id"] for row in await edge.fetch("select * from read.tenants")] == [one]
    finally:
        await edge.close()


def test_migrations_are_numbered_and_say_what_they_make() -> None:
    names = [name for name, _ in migrations()]
    assert names[0] == "00_setup.sql" and all(re.fullmatch(r"\d\d_[a-z]+(_[a-z]+)*\.sql", name) for name in names)
    numbers = [name[:2] for name in names]
    assert len(set(numbers)) == len(numbers), "two migrations have the same number"
    for name, text in migrations():
        assert text.startswith("-- "), f"{name} begins with a sentence that says what it makes"


def plain(hint: object) -> tuple[set[object], bool]:
    """The Python types that a field's values have, and whether None is one of them."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        parts = typing.get_args(hint)
        kinds = {kind for part in parts if part is not types.NoneType for kind in plain(part)[0]}
        return kinds, types.NoneType in parts
    if typing.get_origin(hint) is typing.Literal:
        return {type(value) for value in typing.get_args(hint)}, False
    return {hint}, False
