"""Nodes over HTTP: steered and looked at by the operator's tenant alone, on the platform's rows."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
import pytest_asyncio

from contracts.message import PLATFORM
from tests.store.edge.support import OTHER_TENANT, done
from tests.store.edge.test_edge import said

NODE = uuid4()
BEGAN = datetime(2031, 5, 1, tzinfo=UTC)


@pytest_asyncio.fixture(loop_scope="session")
async def rows(backend):
    """A node in maintenance with its health and crashes, and two templates set aside, one of another tenant."""
    one, tenant = (PLATFORM, NODE, 1, BEGAN, BEGAN), UUID(int=1)
    await backend.pg.execute(
        "insert into render.render_nodes (tenant_id, node_id, version, created_at, updated_at, name, epoch, state, slots,"
        " engine_build, encoder_build, platform, release, capabilities, bundles,"
        " service, service_reason, service_until, set_asides, suspects, protocol) values"
        " ($1, $2, $3, $4, $5, 'north', 1, 'active', 2, 'e', 'x', 'linux', '0', $6, '[]', 'maintenance', 'a new disk', now(), 1, '[]', 3)"
        " on conflict do nothing",
        *one, '{"memory": 4, "labels": ["gpu"]}',
    )  # fmt: skip
    await backend.pg.fetchval("select platform.keep_months('render.node_health_logs', 1, 3, $1)", BEGAN)
    for second in range(5):
        await backend.pg.execute(
            "insert into render.node_health_logs values ($1, $2, $3, 0.5, 1, 2, 0.25, $4) on conflict do nothing",
            PLATFORM, NODE, BEGAN + timedelta(seconds=second), second,
        )  # fmt: skip
    for number, kind in enumerate(("engine_crash", "daemon_death")):
        at = BEGAN + timedelta(seconds=number)
        await backend.pg.execute(
            "insert into render.node_crashes values ($1, $2, 1, $3, $3, $4, $5, null, null, '', 0, 0, -1, 'the end')"
            " on conflict do nothing",
            PLATFORM, UUID(int=number), at, NODE, kind,
        )  # fmt: skip
    for owner, template in ((tenant, "a" * 64), (OTHER_TENANT, "b" * 64)):
        await backend.pg.execute(
            "insert into render.templates values ($1, $2, 1, $3, $3, 'set_aside', '[]', 'it ended engines') on conflict do nothing",
            owner, template, BEGAN,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "body"), [("drain", {"force": True, "reason": "old"}), ("maintain", {"reason": "a disk"}), ("open", {}), ("drain", None)]
)
async def test_a_node_is_steered_under_the_platforms_tenant(backend, client, verb, body):
    async with backend.deciding("render", lambda envelope, body: done(envelope, node_id=str(NODE), service="x")) as seen:
        answer, told = await said(
            client.post(f"/v1/nodes/{NODE}/{verb}", json=body) if body is not None else client.post(f"/v1/nodes/{NODE}/{verb}")
        )
    assert (answer.status, told["service"]) == (200, "x")
    ((envelope, message),) = seen
    assert (envelope.tenant, envelope.actor) == (PLATFORM, f"key:{client.key_id}")
    assert message["node_id"] == str(NODE) and message.items() >= (body or {}).items()


async def test_the_outcome_of_steering_is_found_by_its_operation(backend, client):
    async with backend.deciding("render", lambda envelope, body: None) as seen:
        answer, _ = await said(client.post(f"/v1/nodes/{NODE}/open", headers={"Prefer": "respond-async"}))
        assert answer.status == 202
        while not seen:
            await asyncio.sleep(0.01)
    outcome = done(seen[0][0], service="open")
    await backend.pg.execute(
        "insert into render.inbox values ($1, $2, $3, $4, 'done', $5, null, null, now())",
        PLATFORM, seen[0][0].id, seen[0][0].type, seen[0][0].request_hash, msgspec.json.encode(outcome).decode(),
    )  # fmt: skip
    _, told = await said(client.get(answer.headers["Location"]))
    assert (told["state"], told["body"]) == ("done", {"service": "open"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/v1/nodes/{NODE}/drain"),
        ("POST", f"/v1/nodes/{NODE}/open"),
        ("GET", f"/v1/nodes/{NODE}/health"),
        ("GET", "/v1/node-crashes"),
    ],
)
async def test_only_the_operators_tenant_steers_and_looks_behind_nodes(session_for, method, path):
    for scopes, tenant in ((["*"], OTHER_TENANT), (["farm:*"], OTHER_TENANT), (["render:write"], UUID(int=1))):
        session = await session_for(scopes, tenant)
        answer, told = await said(session.request(method, path))
        assert (answer.status, told["code"]) == (403, "auth.scope")
        assert "farm:" in told["detail"]


async def test_a_node_is_read_with_its_service(client, rows):
    answer, told = await said(client.get(f"/v1/nodes/{NODE}"))
    assert (answer.status, told["name"], told["service"], told["service_reason"]) == (200, "north", "maintenance", "a new disk")
    assert told["capabilities"] == {"memory": 4, "labels": ["gpu"]} and told["service_until"] is None
    _, listed = await said(client.get("/v1/nodes"))
    assert told in listed["data"]
    answer, told = await said(client.get(f"/v1/nodes/{uuid4()}"))
    assert (answer.status, told["code"]) == (404, "node.not_found")


async def test_what_an_operator_wrote_of_a_node_is_not_shown_to_other_tenants(session_for, rows):
    session = await session_for(["*"], OTHER_TENANT)
    _, told = await said(session.get(f"/v1/nodes/{NODE}"))
    assert (told["service"], told["service_reason"]) == ("maintenance", "")


async def test_a_nodes_health_is_read_newest_first_page_by_page(client, rows):
    _, page = await said(client.get(f"/v1/nodes/{NODE}/health?limit=3"))
    _, rest = await said(client.get(f"/v1/nodes/{NODE}/health?limit=3&cursor={page['next_cursor']}"))
    assert [row["parts"] for row in page["data"] + rest["data"]] == [4, 3, 2, 1, 0]
    assert rest["next_cursor"] is None
    assert page["data"][0]["cpu"] == 0.5 and page["data"][0]["at"].startswith("2031-05-01T00:00:04")


async def test_crashes_are_filtered_by_node_and_kind(client, rows):
    _, told = await said(client.get(f"/v1/node-crashes?node_id={NODE}"))
    assert [row["kind"] for row in told["data"]] == ["daemon_death", "engine_crash"]
    assert told["data"][0]["node_name"] == "north"
    _, told = await said(client.get("/v1/node-crashes?kind=engine_crash"))
    assert {row["kind"] for row in told["data"]} == {"engine_crash"}
    _, told = await said(client.get(f"/v1/node-crashes?node_id={uuid4()}"))
    assert told["data"] == []
    answer, told = await said(client.get("/v1/node-crashes?node_id=north"))
    assert (answer.status, told["field"]) == (400, "node_id")


async def test_a_tenant_sees_and_releases_its_own_set_aside_templates(backend, client, rows):
    _, told = await said(client.get("/v1/templates/set-aside"))
    assert [row["template"] for row in told["data"]] == ["a" * 64]
    async with backend.deciding("render", lambda envelope, body: done(envelope, state="open")) as seen:
        answer, _ = await said(client.post(f"/v1/set-aside-templates/{'a' * 64}/release"))
    assert (answer.status, seen[0][1]) == (200, {"template": "a" * 64})
    assert seen[0][0].tenant == UUID(int=1)
