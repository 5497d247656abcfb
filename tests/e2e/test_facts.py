"""Two facts never share an id, and no secret is where it can be found again: through real edges and domains, over HTTP and SQL."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest_asyncio
from pydantic import SecretStr

from api_edge.auth.secret_texts import secret_hash
from api_edge.auth.signing import Signer
from api_edge.http.access_log import AccessLog
from api_edge.main import running
from contracts.domains import DOMAINS
from deploy.local.stack import Stack
from tests.chaos.tenants import Tenants
from tests.e2e.support_http import SOON, Http, Json, is_problem

KEY = {"name": "facts", "scopes": ["*"]}
UPLOAD = {"name": "facts", "bytes": 10}


@pytest_asyncio.fixture(loop_scope="session")
async def pg(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    """The administrator, who sees all tenants."""
    conn = await asyncpg.connect(stack.servers.pg_admin_dsn)
    await conn.execute("set app.tenants = '*'")
    yield conn
    await conn.close()


@pytest_asyncio.fixture(loop_scope="session")
async def http(stack: Stack) -> AsyncIterator[Http]:
    """A tenant of the test's own."""
    async with Tenants(stack) as tenants:
        tenant = await tenants.new("facts")
    async with Http(stack.url, tenant.api_key) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def second(stack: Stack, http: Http) -> AsyncIterator[Http]:
    """The same key at a second edge, which was just started and whose secret is newer."""
    old = stack.settings("edge")
    settings = old.model_copy(update={"secret": SecretStr("the secret of version two"), "secret_before": old.secret, "secret_version": 2})
    async with running(settings, AccessLog(None)) as (edge, url):
        async with asyncio.timeout(SOON):
            while edge.lacks:
                await asyncio.sleep(0.01)
        async with Http(url, http.api_key) as client:
            yield client


async def events(pg: asyncpg.Connection, thing: Json, type: str) -> int:
    """How many events of a type the log has of a thing, once it has one."""
    id = thing.get("upload_id") or thing["key_id"]
    async with asyncio.timeout(SOON):
        while not (found := await pg.fetchval("select count(*) from log.events where type = $1 and body like '%' || $2 || '%'", type, id)):
            await asyncio.sleep(0.02)
    return int(found)


async def test_one_key_from_two_edges_on_two_routes_is_two_facts_or_one(http: Http, second: Http, pg: asyncpg.Connection) -> None:
    for _ in range(5):
        key = uuid4().hex
        one, two = await asyncio.gather(
            http.send("POST", "/v1/api-keys", KEY, Idempotency_Key=key), second.send("POST", "/v1/uploads", UPLOAD, Idempotency_Key=key)
        )
        assert 201 in (one.status, two.status)
        for answer, type in ((one, "evt.identity.api_key.created.v1"), (two, "evt.file_mgr.upload.started.v1")):
            if answer.status == 201:
                assert await events(pg, answer.json, type) == 1
            else:
                is_problem(answer, 422, "idempotency.other_route", "Idempotency-Key")
        late = await http.send("DELETE", f"/v1/api-keys/{uuid4()}", None, Idempotency_Key=key)
        is_problem(late, 422, "idempotency.other_route", "Idempotency-Key")


async def test_a_revocation_with_a_used_idempotency_key_is_not_said_to_be_done(http: Http, second: Http, pg: asyncpg.Connection) -> None:
    made, key = await http.post("/v1/api-keys", KEY), uuid4().hex
    await http.post("/v1/uploads", UPLOAD, Idempotency_Key=key)
    answer = await second.send("DELETE", f"/v1/api-keys/{made['key_id']}", None, Idempotency_Key=key)
    is_problem(answer, 422, "idempotency.other_route", "Idempotency-Key")
    assert await pg.fetchval("select state from identity.tenant_api_keys where key_id = $1", UUID(made["key_id"])) == "active"


async def test_a_retry_is_told_again_by_any_edge_and_by_none_to_another_key(http: Http, second: Http, stack: Stack) -> None:
    key = uuid4().hex
    one = await http.send("POST", "/v1/api-keys", KEY, Idempotency_Key=key)
    two = await second.send("POST", "/v1/api-keys", KEY, Idempotency_Key=key)
    assert one.json == two.json and (one.status, two.status) == (201, 201)
    assert "Idempotent-Replayed" not in one.headers and two.headers["Idempotent-Replayed"] == "true"
    is_problem(await second.send("POST", "/v1/api-keys", KEY | {"name": "y"}, Idempotency_Key=key), 422, "idempotency.other_body")
    async with Http(stack.url, one.json["key"]) as other:
        three = await other.post("/v1/api-keys", KEY, Idempotency_Key=key)
    assert three["key"] != one.json["key"] and three["key_id"] != one.json["key_id"]


async def test_an_operation_shows_its_secret_once_and_to_who_asked(http: Http, second: Http, stack: Stack) -> None:
    made = await http.post("/v1/api-keys", KEY)
    answer = await http.send("POST", "/v1/api-keys", KEY | {"name": "async"}, Prefer="respond-async")
    path = f"/v1/operations/{answer.json['operation']}"
    async with Http(stack.url, made["key"]) as other:
        told = await other.until(path, lambda row: row["state"] == "done")
        assert not {"key", "salt"} & told["body"].keys()
    shown = [row["body"] for row in await asyncio.gather(*(edge.get(path) for edge in (http, second) for _ in range(3)))]
    (key,) = [body["key"] for body in shown if "key" in body]
    assert all("salt" not in body for body in shown)
    async with Http(stack.url, key) as new:
        await new.until("/v1/me", lambda row: "tenant_id" in row)
    assert "key" not in (await http.get(path))["body"]


async def test_a_join_token_is_told_again_to_its_retry_and_shown_once_at_its_operation(stack: Stack) -> None:
    async with Http(stack.url, stack.api_key) as farm:
        key = uuid4().hex
        one, two = [await farm.post("/v1/join-tokens", {"note": "facts"}, Idempotency_Key=key) for _ in range(2)]
        assert one == two and one["token"].startswith("fj1_") and "salt" not in one
        answer = await farm.send("POST", "/v1/join-tokens", {}, Prefer="respond-async")
        path = f"/v1/operations/{answer.json['operation']}"
        told = await farm.until(path, lambda row: row["state"] == "done")
        assert told["body"]["token"].startswith("fj1_") and "salt" not in told["body"]
        assert not {"token", "salt"} & (await farm.get(path))["body"].keys()


async def test_no_salt_and_no_secret_is_where_it_can_be_found_again(http: Http, stack: Stack, pg: asyncpg.Connection) -> None:
    made = await http.post("/v1/api-keys", KEY)
    secret = made["key"].split("_")[2]
    outcome = await pg.fetchval("select outcome::text from identity.inbox where outcome->'body'->>'key_id' = $1", made["key_id"])
    salt = json.loads(outcome)["body"]["salt"].partition(":")[2]
    assert len(salt) == 32 and secret not in outcome
    await events(pg, made, "evt.identity.api_key.created.v1")
    tables = await pg.fetch(
        "select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind = 'r' and n.nspname = any($1)",
        [*DOMAINS, "log"],
    )
    found = {
        (row["name"], what)
        for row in tables
        for what, text in (("salt", salt), ("secret", secret))
        if await pg.fetchval(f"select exists (select from {row['name']} t where t::text like '%' || $1 || '%')", text)
    }
    assert found == {("identity.inbox", "salt")}
    logs = [file.read_text(encoding="utf-8", errors="replace") for file in (stack.data / "logs").iterdir()]
    assert not [text for text in logs if salt in text or secret in text]


async def test_the_edges_secret_and_the_log_together_give_no_key(http: Http, stack: Stack, pg: asyncpg.Connection) -> None:
    made = await http.post("/v1/api-keys", KEY, Idempotency_Key=uuid4().hex)
    await events(pg, made, "evt.identity.api_key.created.v1")
    signer, hashes = Signer(stack.servers.secrets.get("edge")), await _hashes(pg)
    ids = await pg.fetch("select event_id, causation_id, correlation_id, (body::json->>'key_id')::uuid as key_id from log.events")
    guessed = {secret_hash(text) for row in ids for id in row.values() if id for text in _guesses(signer, id)}
    assert hashes and not hashes & guessed


async def _hashes(pg: asyncpg.Connection) -> set[str]:
    bodies = await pg.fetch("select body from log.events where type = 'evt.identity.api_key.created.v1'")
    return {json.loads(row["body"])["secret_sha256"] for row in bodies}


def _guesses(signer: Signer, id: Any) -> list[str]:
    """What may have been made of an id: as the release before did, or with the id as a salt."""
    made = [signer.first_format("api-key", id), *(signer.secret_of("api-key", f"1:{text}") for text in (str(id), id.hex))]
    return [text for text in made if text]
