"""A canary in every field of every event and of every row, looked for in all that an edge on real servers answers."""

import asyncio
import json
import re
from contextlib import asynccontextmanager
from io import StringIO
from typing import Any
from uuid import UUID, uuid4, uuid5

import aiohttp
import msgspec
import pytest

from api_edge.handlers.masks import answered
from api_edge.http.access_log import AccessLog
from api_edge.main import running
from api_edge.routes import QUERIES
from contracts.message import DEFAULT_TENANT, PLATFORM, Event, all_types
from contracts.visibility import Visibility
from deploy.domains import all_domains
from tests.store.edge.test_events import opened
from tests.support.canaries import BEGIN, Planted, found, planted

VERSION = 77  # of all rows that are planted, by which they are removed
STATES = {"render_jobs": "completed", "snapshots": "done", "templates": "set_aside", "files": "ready", "upload_sessions": "open"}
STATES |= {"tenant_api_keys": "active", "projects": "published", "template_bundles": "ready", "reservations": "held"}
KINDS = {"scene_elements": "text", "files": "picture"}
EFFECT = """
    insert into file_mgr.effects (tenant_id, id, kind, payload, envelope, attempts, due_at, last_error)
    values ($1, $2, 'canary999995x', '{"object_key": "canary999996x"}', '{"reply": "canary999997x"}', 1, now(), 'canary999998x')
"""
ADDRESS = re.compile(r'"url": ?"[^"]*"')  # which alone says where an object lies
UNSEEN = {"render.node_identities": "its node asks for it, with its own secret"}


def ids(name: str) -> UUID:
    """Of one thing wherever it is named."""
    return uuid5(DEFAULT_TENANT, "job_id" if name == "subject_id" else name)


async def new_tenant(backend: Any) -> UUID:
    """A tenant that nobody else's tests know."""
    id = uuid4()
    await backend.pg.execute("insert into identity.tenants values ($1, 1, now(), now(), 'of canaries', 1, 64, 100000)", id)
    return id


def row_of(table: Any, tenant: UUID, seen: Planted) -> dict[str, Any]:
    """A row in which every text is a canary; what others name is one and the same, and numbers are small, as constraints ask for."""
    name = table.name.partition(".")[2]
    given: dict[str, Any] = {"tenant_id": tenant, "version": VERSION, "created_at": BEGIN, "updated_at": BEGIN}
    given |= {field: "scene" for field in ("key", "scene_key") if field in table.key}
    given |= {field: words[name] for field, words in (("state", STATES), ("kind", KINDS)) if field in table.fields and name in words}
    given |= {"sha256": "ab" * 32} if name == "upload_sessions" else {}  # of which an address is made
    made = msgspec.to_builtins(planted(table.row, seen, table.name, **given))
    return {field: _fitting(field, value) for field, value in made.items()}


def _fitting(name: str, value: Any) -> Any:
    match value:
        case bool():
            return value
        case int() | float() if value > 900_000_000:
            return 1
        case str() if value.startswith("0000ca4a"):
            return str(ids(name))
        case dict():
            return {key: _fitting(key, item) for key, item in value.items()}
        case list():
            return [_fitting(name, item) for item in value]
    return value


@asynccontextmanager
async def rows(pg: Any):
    """Every event table has a row of the default tenant and one of the platform's; what was planted, by table."""
    tables = [table for domain in all_domains() for table in domain.tables if table.name != "identity.tenants"]
    everything: dict[str, Planted] = {}
    numbers = Planted().numbers
    await pg.execute("set session_replication_role = replica")  # no foreign keys
    try:
        for table in tables:
            seen = everything[table.name] = Planted(numbers)
            planting = [row_of(table, tenant, seen) for tenant in (DEFAULT_TENANT, PLATFORM)]
            text = f"insert into {table.name} select * from json_populate_recordset(null::{table.name}, $1::json)"
            await pg.execute(text, json.dumps(planting))
        await pg.execute(EFFECT, DEFAULT_TENANT, ids("effect_id"))
        yield everything
    finally:
        for table in tables:
            await pg.execute(f"delete from {table.name} where version = $1", VERSION)
        await pg.execute("delete from file_mgr.effects where id = $1", ids("effect_id"))
        await pg.execute("reset session_replication_role")


async def test_every_answer_shows_what_is_declared_and_of_no_row_what_is_hidden(backend, client, caplog):
    told = ""
    async with rows(backend.pg) as everything:
        for route in QUERIES:
            if route.admit or route.params:
                continue  # these read nothing of a tenant's: a node's standing, a command's outcome
            path = route.path
            for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
                path = path.replace(f"{{{name}}}", str(ids(name)))
            async with client.get(path) as answer:
                text = await answer.text()
            assert answer.status == 200, (path, text)
            said = json.loads(text)
            items = [said] if route.one else said["data"]
            assert items or route.query in ("node_health", "log_of_tenant"), path
            fields = msgspec.structs.fields(answered(route.row))
            for item in items:
                assert {field.name for field in fields if field.required} <= item.keys() <= {field.name for field in fields}, path
            told += ADDRESS.sub("", text)
    caught = found(told)
    assert not caught & {f"canary99999{number}x" for number in (6, 7, 8)} and "canary999995x" in caught
    for table in (table for domain in all_domains() for table in domain.tables if table.name in everything):
        hidden, unseen = _missed(everything[table.name], caught)
        assert hidden == set(), "it is not public, and was told"
        assert unseen == set() or table.name in UNSEEN, "it is public, and no answer has it"
    secrecy = {text: closed for seen in everything.values() for text, (_, closed) in seen.canaries.items()}
    assert not [text for text in found(caplog.text) if secrecy.get(text, Visibility.PUBLIC) > Visibility.INTERNAL], "operators read logs"


def _missed(seen: Planted, caught: set[str]) -> tuple[set[str], set[str]]:
    """Where what was told is not public, and where what is public, and a text, was not told of any row."""
    told = {seen.canaries[text][0] for text in seen.canaries.keys() & caught}
    public = {where for text, (where, closed) in seen.canaries.items() if closed is Visibility.PUBLIC and text.startswith("canary")}
    return told - {where for where, closed in seen.canaries.values() if closed is Visibility.PUBLIC}, public - told


async def test_the_stream_live_and_resumed_and_the_log_tell_of_events_what_is_public(backend, session_for):
    tenant, seen = await new_tenant(backend), Planted()
    client = await session_for(["*"], tenant)
    before = backend.position
    live = await opened(client)
    events = [entry for entry in all_types() if issubclass(entry.cls, Event)]
    happened = {await backend.happen(planted(entry.cls, seen, entry.name, closed_of(entry)), tenant): entry for entry in events}
    last = max(position for position, entry in happened.items() if entry.public)
    told = [await _until(live, last)]
    resumed = await opened(client, **{"Last-Event-ID": str(before)})
    told.append(await _until(resumed, last))
    told.append(await _log(client, before))
    public = {position: entry.name for position, entry in happened.items() if entry.public}
    for text, positions in told:
        assert positions == public
        assert found(text) & seen.canaries.keys() == seen.public()


def closed_of(entry: Any) -> Visibility:
    """How closed all of an event is."""
    return Visibility.PUBLIC if entry.public else Visibility.INTERNAL


async def _until(reader: Any, last: int) -> tuple[str, dict[int, str]]:
    text, positions = "", {}
    async with asyncio.timeout(60):
        while last not in positions:
            id, name, data = await reader.next()
            positions[int(id)] = name
            text += json.dumps(data)
    return text, positions


async def _log(client: Any, behind: int) -> tuple[str, dict[int, str]]:
    text, positions, cursor = "", {}, ""
    while cursor is not None:
        async with client.get(f"/v1/log?limit=7&after={behind}" + (f"&cursor={cursor}" if cursor else "")) as answer:
            page = await answer.json()
        text += json.dumps(page["data"])
        positions |= {row["position"]: row["type"] for row in page["data"]}
        cursor = page["next_cursor"]
    return text, positions


@pytest.mark.parametrize("type_", ["render.part.", "render.segment", "identity.command"])
async def test_the_log_does_not_answer_events_that_are_not_public_even_when_they_are_asked_for(backend, session_for, type_):
    tenant = await new_tenant(backend)
    client = await session_for(["*"], tenant)
    entries = [entry for entry in all_types() if entry.name.startswith(type_) and issubclass(entry.cls, Event)]
    assert entries and not any(entry.public for entry in entries)
    for entry in entries:
        await backend.happen(planted(entry.cls, Planted()), tenant)
    async with client.get(f"/v1/log?type={type_}") as answer:
        told = await answer.json(content_type=None)
        assert (answer.status, told["code"]) == (400, "request.parameter") and entries[0].name not in told["detail"]
    async with client.get("/v1/log") as answer:
        assert not {row["type"] for row in (await answer.json())["data"]} & {entry.name for entry in entries}


async def test_the_access_log_has_neither_the_query_nor_a_header_nor_the_body_of_a_request(backend):
    _, key = await backend.key(["content:write"], await new_tenant(backend))
    written = StringIO()
    async with running(backend.settings, AccessLog(written)) as (edge, url), aiohttp.ClientSession(url) as http:
        async with asyncio.timeout(30):
            while edge.lacks:
                await asyncio.sleep(0.01)
        headers = {"Cookie": "canary000001x", "User-Agent": "canary000002x", "X-Api-Key": key}
        for wrong in ({}, {"X-Api-Key": "canary000003x"}):
            async with http.post(
                "/v1/projects?q=canary000004x", json={"canary000005x": "canary000006x"}, headers=headers | wrong
            ) as answer:
                assert answer.status in (400, 401, 422)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["path"] for line in lines] == ["/v1/projects"] * 2
    assert not found(written.getvalue()) and key not in written.getvalue()
