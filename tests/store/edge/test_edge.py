"""The edge on real servers: keys, commands, operations, queries and pages."""

import asyncio
import json
from uuid import UUID, uuid4

import aiohttp
import pytest

from contracts.envelope import first
from contracts.message import DEFAULT_TENANT
from contracts.outcome import Outcome, Problem
from tests.store.edge.support import OTHER_TENANT, Trace, done

FILE = "11111111-1111-4111-8111-111111111112"
PROJECT = {"name": "x", "file_id": FILE}


async def said(response):
    async with response as answer:
        return answer, await answer.json(content_type=None)


async def operation_row(backend, envelope, outcome, domain="content"):
    await backend.pg.execute(
        f"insert into {domain}.inbox (tenant_id, id, type, request_hash, key_hash, state, outcome, decided_at)"
        " values ($1,$2,$3,$4,$5,$6,$7,now())",
        envelope.tenant, envelope.id, envelope.type, envelope.request_hash, envelope.key_hash, outcome.state,
        json.dumps(json.loads(Trace.encode(outcome))),
    )  # fmt: skip


async def test_a_key_reads_who_it_is(client):
    answer, body = await said(client.get("/v1/me"))
    assert answer.status == 200, body
    assert (body["tenant_id"], body["scopes"]) == (str(DEFAULT_TENANT), ["*"])
    assert UUID(answer.headers["X-Request-Id"])


async def test_without_a_key_and_with_a_wrong_one_nobody_comes_in(edge, client):
    async with aiohttp.ClientSession(edge.url) as nobody:
        answer, body = await said(nobody.get("/v1/me"))
        assert (answer.status, body["code"], body["status"]) == (401, "auth.missing", 401)
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert body["request_id"] == answer.headers["X-Request-Id"]
        answer, body = await said(nobody.get("/v1/me", headers={"X-Api-Key": "fr_x_y"}))
        assert (answer.status, body["code"]) == (401, "auth.invalid")


async def test_a_key_without_the_scope_is_told_which_it_lacks(session_for):
    session = await session_for(["render:read"])
    answer, body = await said(session.post("/v1/projects", json=PROJECT))
    assert (answer.status, body["code"]) == (403, "auth.scope")
    assert "content:write" in body["detail"]


async def test_a_command_is_answered_with_its_outcome(backend, client):
    async with backend.deciding("content", lambda envelope, body: done(envelope, project_id=FILE)) as seen:
        answer, body = await said(client.post("/v1/projects", json=PROJECT, headers={"X-Request-Id": FILE, "traceparent": Trace.PARENT}))
    assert (answer.status, answer.headers["Location"], body) == (201, f"/v1/projects/{FILE}", {"project_id": FILE})
    envelope, message = seen[0]
    assert (envelope.actor, envelope.tenant, message) == (f"key:{client.key_id}", DEFAULT_TENANT, PROJECT)
    assert (str(envelope.correlation), envelope.traceparent, answer.headers["X-Request-Id"]) == (FILE, Trace.PARENT, FILE)


async def test_a_refusal_is_a_problem_with_its_field(backend, client):
    def refuse(envelope, body):
        problem = Problem(code="render.unknown_element", detail="no such element", field="scenes[0].texts.x")
        return Outcome(command_id=envelope.id, tenant_id=envelope.tenant, state="refused", problem=problem)

    async with backend.deciding("studio", refuse):
        answer, body = await said(client.post("/v1/renders", json={"project_id": FILE}))
    assert (answer.status, body["code"], body["field"]) == (422, "render.unknown_element", "scenes[0].texts.x")
    assert body["type"] == "/docs/errors#render.unknown_element"


async def test_a_dry_run_travels_in_the_envelope_and_creates_nothing(backend, client):
    async with backend.deciding("studio", lambda envelope, body: done(envelope, job_id=FILE, frames=3)) as seen:
        answer, body = await said(client.post("/v1/renders?dry_run=true", json={"project_id": FILE}))
    assert (answer.status, body["frames"], seen[0][0].dry_run) == (200, 3, True)
    assert "Location" not in answer.headers


async def test_respond_async_names_an_operation_that_is_pending_then_done(backend, client):
    async with backend.deciding("content", lambda envelope, body: None) as seen:
        answer, body = await said(client.post("/v1/projects", json=PROJECT, headers={"Prefer": "respond-async"}))
        assert (answer.status, body["state"]) == (202, "pending")
        where = answer.headers["Location"]
        answer, body = await said(client.get(where))
        assert (answer.status, body["state"]) == (200, "pending")
        async with asyncio.timeout(30):
            while not seen:
                await asyncio.sleep(0.01)
    await operation_row(backend, seen[0][0], done(seen[0][0], project_id=FILE))
    answer, body = await said(client.get(where))
    assert (body["state"], body["body"], body["type"]) == ("done", {"project_id": FILE}, "cmd.content.project.create.v1")


async def test_when_no_outcome_comes_the_stored_one_is_told_else_202(backend, client):
    async with backend.deciding("content", lambda envelope, body: None):
        answer, body = await said(client.post("/v1/projects", json=PROJECT, headers={"Prefer": "wait=1"}))
    assert (answer.status, body["state"]) == (202, "pending")


async def test_a_forged_operation_and_one_of_another_tenant_are_not_told(backend, edge, client, session_for):
    answer, body = await said(client.get("/v1/operations/" + "A" * 43))
    assert (answer.status, body["code"]) == (404, "operation.not_found")
    envelope = first(Trace.command(), tenant=OTHER_TENANT)
    await operation_row(backend, envelope, done(envelope, secret="of another"))
    genuine = edge.signer.operation_id(envelope.tenant, envelope.actor, envelope.id, "1:" + "ab" * 16)
    answer, body = await said(client.get(f"/v1/operations/{genuine}"))
    assert (answer.status, body["code"]) == (404, "operation.not_found")


async def test_a_body_that_was_refused_may_be_corrected_under_the_same_key(backend, client):
    headers = {"Idempotency-Key": uuid4().hex, "Prefer": "respond-async"}
    async with backend.deciding("content", lambda envelope, body: None) as seen:
        wrong, _ = await said(client.post("/v1/projects", json={"name": 5}, headers=headers))
        right, _ = await said(client.post("/v1/projects", json=PROJECT, headers=headers))
        while not seen:  # else it would be the next test's
            await asyncio.sleep(0.01)
    assert (wrong.status, right.status) == (422, 202)


async def test_an_operation_tells_when_its_key_was_used_for_another_request(backend, edge, client):
    envelope = first(Trace.command(), tenant=DEFAULT_TENANT)
    envelope = Trace.with_hash(envelope, "1:" + "cd" * 16)
    await operation_row(backend, envelope, done(envelope))
    answer, body = await said(
        client.get(f"/v1/operations/{edge.signer.operation_id(envelope.tenant, envelope.actor, envelope.id, '1:' + 'ab' * 16)}")
    )
    assert (answer.status, body["code"]) == (422, "idempotency.other_body")


async def test_an_operation_in_quarantine_tells_nothing_of_what_went_wrong_inside(backend, edge, client):
    envelope = first(Trace.command(), tenant=DEFAULT_TENANT)
    problem = Problem(code="command.quarantined", detail="UndefinedColumnError: column inbox.x of the release before does not exist")
    outcome = Outcome(command_id=envelope.id, tenant_id=envelope.tenant, state="quarantined", problem=problem)
    await operation_row(backend, envelope, outcome)
    genuine = edge.signer.operation_id(envelope.tenant, envelope.actor, envelope.id, "1:" + "ab" * 16)
    _, body = await said(client.get(f"/v1/operations/{genuine}"))
    assert (body["state"], body["problem"]["code"]) == ("quarantined", "command.quarantined")
    assert "column" not in json.dumps(body)


async def test_a_body_over_its_limit_is_413_whether_announced_or_not(client):
    answer, body = await said(client.post("/v1/projects", json={"name": "x" * 70_000, "file_id": FILE}))
    assert (answer.status, body["code"]) == (413, "request.too_large")
    assert "65,536" in body["detail"]

    async def chunks():
        for _ in range(8):
            yield b"x" * 16_384

    answer, body = await said(client.post("/v1/projects", data=chunks(), headers={"Content-Type": "application/json"}))
    assert (answer.status, body["code"]) == (413, "request.too_large")


async def test_wrong_addresses_methods_and_media_types_are_problems(client):
    for method, path, status, code in [
        ("GET", "/v1/nothing", 404, "request.not_found"),
        ("PATCH", "/v1/renders", 405, "request.method"),
        ("GET", "/v1/renders/not-an-id", 404, "job.not_found"),
        ("GET", f"/v1/renders/{FILE}", 404, "job.not_found"),
        ("GET", "/v1/renders?limit=0", 400, "request.parameter"),
        ("GET", "/v1/renders?cursor=x", 400, "request.parameter"),
        ("POST", "/v1/renders/not-an-id/cancel", 404, "job.not_found"),
        ("POST", "/v1/renders?dry_run=perhaps", 400, "request.parameter"),
    ]:
        answer, body = await said(client.request(method, path))
        assert (answer.status, body["code"]) == (status, code), path
    answer, body = await said(client.post("/v1/projects", data="name=x", headers={"Content-Type": "application/x-www-form-urlencoded"}))
    assert (answer.status, body["code"]) == (415, "request.media_type")


async def test_a_key_is_made_with_a_secret_that_only_the_answer_shows(backend, edge, client):
    key_id, headers = uuid4(), {"Idempotency-Key": uuid4().hex}
    async with backend.deciding("identity", lambda envelope, body: done(envelope, key_id=str(key_id), salt=seen[0][1]["salt"])) as seen:
        answer, body = await said(client.post("/v1/api-keys", json={"name": "n", "scopes": ["render:read"]}, headers=headers))
        _, again = await said(client.post("/v1/api-keys", json={"name": "n", "scopes": ["render:read"]}, headers=headers))
    assert answer.status == 201
    assert body["key"] == again["key"]
    secret = body["key"].split("_")[2]
    assert secret not in json.dumps(seen[0][1]) and seen[0][1]["salt"] != seen[1][1]["salt"]
    assert body["key"].startswith(f"fr1_{key_id.hex}_") and "salt" not in body


async def test_nobody_makes_a_key_that_may_do_more(session_for):
    session = await session_for(["identity:write"])
    answer, body = await said(session.post("/v1/api-keys", json={"name": "n", "scopes": ["*"]}))
    assert (answer.status, body["code"], body["field"]) == (403, "auth.scope", "scopes")


async def test_a_list_is_read_page_by_page_without_gap_or_repeat(backend, client, session_for):
    names = [f"node-{uuid4().hex[:6]}" for _ in range(5)]
    for number, name in enumerate(names):
        await backend.pg.execute(
            "insert into notification.notifications"
            " values ($1, $2, 1, now() - $3 * interval '1 second', now(), 'k', $4, '', $2, '{\"a\": 1}', false)",
            OTHER_TENANT, uuid4(), number // 2, name,
        )  # fmt: skip
    other = await session_for(["*"], OTHER_TENANT)
    found, cursor = [], ""
    while cursor is not None:
        answer, page = await said(other.get(f"/v1/notifications?limit=2{cursor and '&cursor=' + cursor}"))
        found += [row["title"] for row in page["data"]]
        cursor = page["next_cursor"]
        assert int(answer.headers["X-Log-Position"]) > 0
    assert sorted(found) == sorted(names)
    assert page["data"][0]["data"] == {"a": 1}
    _, mine = await said(client.get("/v1/notifications"))
    assert not {row["title"] for row in mine["data"]} & set(names)


async def test_every_list_and_thing_can_be_asked_for(client):
    from api_edge.routes import QUERIES

    for route in (route for route in QUERIES if route.admit is None):
        path = route.path.replace("{operation_id}", "A" * 43)
        for name in ("upload_id", "file_id", "project_id", "saved_project_id", "job_id", "node_id"):
            path = path.replace("{" + name + "}", FILE)
        answer, body = await said(client.get(path))
        assert answer.status == 200 if not route.one or route.path == "/v1/me" else answer.status == 404, (path, body)


async def test_an_open_upload_has_addresses_for_its_parts_and_no_internals(backend, client):
    upload = uuid4()
    await backend.pg.execute(
        "insert into file_mgr.upload_sessions"
        " values ($1,$2,1,now(),now(),$3,'f.json',5000,'application/json','t/f',100,150,'sid','[]','open','','')",
        DEFAULT_TENANT, upload, uuid4(),
    )  # fmt: skip
    answer, body = await said(client.get(f"/v1/uploads/{upload}"))
    assert answer.status == 200, body
    assert [part["number"] for part in body["parts"]] == list(range(1, 101))
    assert "partNumber=1&" in body["parts"][0]["url"] and "content-length" in body["parts"][0]["url"]
    assert not {"object_key", "storage_id"} & body.keys()
    _, body = await said(client.get(f"/v1/uploads/{upload}?first_part=101"))
    assert [part["number"] for part in body["parts"]] == list(range(101, 151))


async def test_pages_need_no_key_and_no_other_site(edge):
    async with aiohttp.ClientSession(edge.url) as nobody:
        for path in (
            "/openapi.json",
            "/docs",
            "/docs/start.js",
            "/docs/swagger-ui.css",
            "/docs/swagger-ui-bundle.js",
            "/docs/errors",
            "/livez",
            "/readyz",
        ):
            async with nobody.get(path) as answer:
                assert answer.status == 200, path
        async with nobody.get("/docs") as answer:
            assert "http" not in (await answer.text()).replace("http-equiv", "")
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        async with nobody.get("/metrics") as answer:
            assert "flatrender_http_requests_total" in await answer.text()


@pytest.mark.parametrize(
    "raw", [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET /v1/me HTTP/1.1\r\nHost: x\r\nX-Api-Key: \xff\xfe\r\n\r\n"]
)
async def test_broken_http_never_shows_a_traceback(edge, raw):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(edge.url.rpartition(":")[2]))
    writer.write(raw)
    answer = await asyncio.wait_for(reader.read(4096), 30)
    assert b"Traceback" not in answer
    assert answer.split()[1][:1] == b"4"
    writer.close()


async def test_an_etag_that_is_sent_back_travels_to_who_decides(backend, client):
    async with backend.deciding("studio", lambda envelope, body: done(envelope, saved_project_id=FILE, version=8)) as seen:
        for tag in ('"7"', '"7", "9"', '"x"', 'W/"7"', "*"):
            answer, body = await said(client.put(f"/v1/saved-projects/{FILE}", json={"project_id": FILE}, headers={"If-Match": tag}))
            assert answer.status == 200, body
    told = [envelope.if_match for envelope, _ in seen]
    assert told == [f"saved_project_id={versions}" for versions in ("7", "7,9", "", "")] + [""]


async def test_an_etag_is_refused_where_there_can_be_none(client):
    answer, body = await said(client.post("/v1/projects", json=PROJECT, headers={"If-Match": '"1"'}))
    assert (answer.status, body["code"], body["field"]) == (400, "request.parameter", "If-Match")


async def test_a_refused_etag_is_a_failed_precondition(backend, client):
    def refuse(envelope, body):
        problem = Problem(code="request.precondition", detail="it is at version 8", field="If-Match")
        return Outcome(command_id=envelope.id, tenant_id=envelope.tenant, state="refused", problem=problem)

    async with backend.deciding("studio", refuse):
        answer, body = await said(client.put(f"/v1/saved-projects/{FILE}", json={"project_id": FILE}, headers={"If-Match": '"7"'}))
    assert (answer.status, body["code"]) == (412, "request.precondition")
