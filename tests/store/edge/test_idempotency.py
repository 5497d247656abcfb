"""What an Idempotency-Key names: somebody's request on one route, for 30 days, whatever else is sent with it."""

import json
from uuid import uuid4

import msgspec
import pytest

from api_edge.auth.secret_texts import secret_text
from api_edge.auth.signing import Signer, first_command_id
from api_edge.handlers import idempotency
from contracts.envelope import derived_id
from contracts.identity.api_keys import ApiKeyCreated
from contracts.identity.secrets import SecretRevealed
from contracts.message import DEFAULT_TENANT, PLATFORM, type_of
from contracts.outcome import Outcome, Problem
from tests.store.edge.support import SECRET, done, given_out
from tests.store.edge.test_edge import FILE, PROJECT, operation_row, said

LATER = {"Prefer": "respond-async"}


def keyed(key=None, **more):
    return {"Idempotency-Key": key or uuid4().hex, **more}


async def ask(backend, session, domain, path, body, headers, decide=None):
    """One request, and the envelope under which it came to its domain."""
    async with backend.deciding(domain, decide or (lambda envelope, body: done(envelope, project_id=FILE, upload_id=FILE))) as seen:
        answer, told = await said(session.post(path, json=body, headers=headers))
    return answer, told, seen[0][0] if seen else None


async def test_one_key_names_one_command_for_each_who_asks(backend, client, session_for):
    headers, other = keyed(), await session_for(["*"])
    ids = [(await ask(backend, session, "content", "/v1/projects", PROJECT, headers))[2] for session in (client, client, other)]
    assert ids[0].id == ids[1].id != ids[2].id
    assert ids[0].key_hash == ids[1].key_hash != ids[2].key_hash and len(ids[0].key_hash) == 32


async def test_strangers_who_join_with_other_tokens_are_two_requests(backend, session_for):
    session, ids = await session_for([]), []
    one, other = await given_out(backend), await given_out(backend)
    for token in (one, one, other):
        headers = keyed("one", Authorization=f"Bearer {secret_text('fj', token, 's' * 32)}")
        body = {"name": "n", "secret_sha256": "a" * 64}
        said = await ask(backend, session, "render", "/v1/nodes/join", body, headers, lambda envelope, _: done(envelope, node_id=FILE))
        ids.append(said[2].id)
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("request_id", ["the command's own", None, FILE, "x" * 8, "not one"])
async def test_a_request_id_changes_nothing(backend, client, request_id):
    headers = keyed()
    _, _, first = await ask(backend, client, "content", "/v1/projects", PROJECT, headers)
    given = str(first.id) if request_id == "the command's own" else request_id
    _, _, again = await ask(backend, client, "content", "/v1/projects", PROJECT, headers | ({"X-Request-Id": given} if given else {}))
    assert (again.id, again.key_hash) == (first.id, first.key_hash)
    await operation_row(backend, first, done(first))
    headers |= {"X-Request-Id": given} if given else {}
    for path, body, code in (
        ("/v1/projects", PROJECT | {"name": "y"}, "other_body"),
        ("/v1/uploads", {"name": "n", "bytes": 1}, "other_route"),
    ):
        answer, told = await said(client.post(path, json=body, headers=headers))
        assert (answer.status, told["code"]) == (422, f"idempotency.{code}")


async def test_a_key_that_was_used_on_another_route_is_told_before_anything_is_published(backend, client, session_for):
    headers = keyed()
    _, _, first = await ask(backend, client, "content", "/v1/projects", PROJECT, headers)
    await operation_row(backend, first, done(first))
    for method, path, body in (
        ("POST", "/v1/uploads", {"name": "n", "bytes": 1}),
        ("POST", "/v1/join-tokens", {}),  # the platform's
        ("DELETE", f"/v1/api-keys/{FILE}", None),
        ("POST", f"/v1/renders/{FILE}/cancel", None),
    ):
        answer, told = await said(client.request(method, path, json=body, headers=headers))
        assert (answer.status, told["code"], told["field"]) == (422, "idempotency.other_route", "Idempotency-Key"), path
    answer, _, other = await ask(backend, await session_for(["*"]), "file_mgr", "/v1/uploads", {"name": "n", "bytes": 1}, headers)
    assert answer.status == 201 and other.key_hash != first.key_hash


async def test_a_key_of_a_farm_route_is_found_on_others_too(backend, client):
    headers = keyed()
    _, _, first = await ask(
        backend, client, "render", "/v1/join-tokens", {}, headers, lambda envelope, body: done(envelope, token_id=FILE, salt=body["salt"])
    )
    assert first.tenant == PLATFORM
    await operation_row(backend, first, done(first), "render")
    answer, told = await said(client.post("/v1/uploads", json={"name": "n", "bytes": 1}, headers=headers))
    assert (answer.status, told["code"]) == (422, "idempotency.other_route")


async def test_a_key_is_free_again_30_days_after_its_decision(backend, client):
    headers = keyed()
    _, _, first = await ask(backend, client, "content", "/v1/projects", PROJECT, headers)
    await operation_row(backend, first, done(first))
    await backend.pg.execute("update content.inbox set decided_at = now() - interval '30 days 1 second' where id = $1", first.id)
    answer, _, _ = await ask(backend, client, "file_mgr", "/v1/uploads", {"name": "n", "bytes": 1}, headers)
    assert answer.status == 201


async def test_a_dry_run_leaves_its_key_free(backend, client):
    headers = keyed()
    render = {"project_id": FILE}
    decide = lambda envelope, body: done(envelope, job_id=FILE)  # noqa: E731
    _, _, dry = await ask(backend, client, "studio", "/v1/renders?dry_run=true", render, headers, decide)
    _, _, wet = await ask(backend, client, "studio", "/v1/renders", render, headers, decide)
    assert (dry.key_hash, dry.dry_run, wet.dry_run) == ("", True, False)
    assert dry.id != wet.id and wet.key_hash


async def test_a_request_without_a_key_is_a_new_one_each_time(backend, client):
    ids = [(await ask(backend, client, "content", "/v1/projects", PROJECT, {"X-Request-Id": FILE}))[2] for _ in range(2)]
    assert ids[0].id != ids[1].id and {envelope.key_hash for envelope in ids} == {""}
    assert FILE not in {str(envelope.id) for envelope in ids}


async def test_a_repeat_says_so_whether_the_runtime_or_the_row_tells(backend, client):
    headers = keyed(Prefer="wait=1")
    answer, _, first = await ask(backend, client, "content", "/v1/projects", PROJECT, headers)
    assert "Idempotent-Replayed" not in answer.headers
    repeated = lambda envelope, body: msgspec.structs.replace(done(envelope, project_id=FILE), repeated=True)  # noqa: E731
    answer, _, _ = await ask(backend, client, "content", "/v1/projects", PROJECT, headers, repeated)
    assert answer.headers["Idempotent-Replayed"] == "true"
    await operation_row(backend, first, done(first, project_id=FILE))
    answer, told, _ = await ask(backend, client, "content", "/v1/projects", PROJECT, headers, lambda envelope, body: None)
    assert (answer.status, answer.headers["Idempotent-Replayed"], told) == (201, "true", {"project_id": FILE})
    answer, _, _ = await ask(backend, client, "content", "/v1/projects", PROJECT, headers | LATER)
    assert (answer.status, answer.headers["Idempotent-Replayed"]) == (202, "true")


async def test_a_refusal_that_is_told_again_says_so(backend, client):
    problem = Problem(code="file.not_found", detail="no such file")
    refused = lambda envelope, _: Outcome(  # noqa: E731
        command_id=envelope.id, tenant_id=envelope.tenant, state="refused", problem=problem, repeated=True
    )
    answer, told, _ = await ask(backend, client, "content", "/v1/projects", PROJECT, keyed(), refused)
    assert (answer.status, told["code"], answer.headers["Idempotent-Replayed"]) == (404, "file.not_found", "true")


async def test_the_second_of_two_bodies_that_race_hears_from_the_inbox_and_at_its_operation(backend, client):
    headers = keyed() | LATER
    async with backend.deciding("content", lambda envelope, body: None) as seen:
        _, one = await said(client.post("/v1/projects", json=PROJECT, headers=headers))
        _, two = await said(client.post("/v1/projects", json=PROJECT | {"name": "y"}, headers=headers))
        while len(seen) < 2:
            await said(client.get("/v1/me"))
    assert seen[0][0].id == seen[1][0].id and one["operation"] != two["operation"]
    await operation_row(backend, seen[0][0], done(seen[0][0], project_id=FILE))
    answer, _ = await said(client.get(f"/v1/operations/{one['operation']}"))
    other, told = await said(client.get(f"/v1/operations/{two['operation']}"))
    assert (answer.status, other.status, told["code"]) == (200, 422, "idempotency.other_body")


async def test_while_the_database_is_away_a_keyed_request_goes_on(backend, edge, client):
    reader, edge.reader = edge.reader, None
    try:
        answer, _, envelope = await ask(backend, client, "content", "/v1/projects", PROJECT, keyed())
    finally:
        edge.reader = reader
    assert answer.status == 201 and envelope.key_hash


async def test_a_database_that_is_silent_holds_a_keyed_request_up_for_a_moment_only(backend, client, monkeypatch):
    monkeypatch.setattr(idempotency, "ANSWER_WITHIN", 0.2)
    blocking = backend.pg.transaction()
    await blocking.start()
    await backend.pg.execute("lock table studio.inbox in access exclusive mode")
    try:
        answer, _, envelope = await ask(backend, client, "content", "/v1/projects", PROJECT, keyed())
    finally:
        await blocking.rollback()
    assert answer.status == 201 and envelope.key_hash


@pytest.fixture
def rotate(edge):
    """Changes the edge's secret, as often as it is called."""
    signer, names = edge.signer, [SECRET]

    def change(forget=False):
        names.append(f"the secret of version {len(names) + 1}")
        edge.signer = Signer(names[-1], "" if forget else names[-2], len(names))

    yield change
    edge.signer = signer


async def test_a_retry_after_the_secret_was_changed_is_no_other_request(backend, client, rotate):
    headers = keyed()
    answer, _, first = await ask(backend, client, "content", "/v1/projects", PROJECT, headers)
    where = answer.headers["Content-Location"]
    await operation_row(backend, first, done(first, project_id=FILE))
    rotate()
    again = lambda envelope, body: done(first, project_id=FILE)  # noqa: E731
    answer, _, retried = await ask(backend, client, "content", "/v1/projects", PROJECT, headers, again)
    assert (answer.status, retried.id, answer.headers["Idempotent-Replayed"]) == (201, first.id, "true")
    answer, told = await said(client.post("/v1/projects", json=PROJECT | {"name": "y"}, headers=headers))
    assert (answer.status, told["code"]) == (422, "idempotency.other_body")
    answer, told = await said(client.get(where))
    assert (answer.status, told["state"]) == (200, "done")
    answer, told = await said(client.get(f"/v1/operations/{_of_the_release_before(first)}"))
    assert (answer.status, told["state"]) == (200, "done")


def _of_the_release_before(envelope):
    """An operation id as it was made: 16 bytes of the command, 8 of the hash, 8 of the signature."""
    import base64

    said = envelope.id.bytes + bytes.fromhex(envelope.request_hash.partition(":")[2][:16])
    mac = Signer(SECRET)._versions[1].signature(envelope.tenant, said)
    return base64.urlsafe_b64encode(said + mac).rstrip(b"=").decode()


async def test_a_keys_secret_is_the_same_after_the_edges_was_changed_and_gone_after_the_next(backend, client, rotate):
    headers, key_id, body = keyed(), str(uuid4()), {"name": "n", "scopes": ["render:read"]}
    outcomes = []

    def decide(envelope, body):
        outcomes.append(done(envelope, key_id=key_id, salt=body["salt"]))
        return outcomes[0]

    _, one, _ = await ask(backend, client, "identity", "/v1/api-keys", body, headers, decide)
    rotate()
    _, two, _ = await ask(backend, client, "identity", "/v1/api-keys", body, headers, decide)
    assert one["key"] == two["key"]
    rotate()
    answer, told, _ = await ask(backend, client, "identity", "/v1/api-keys", body, headers, decide)
    assert (answer.status, told["code"]) == (410, "secret.forgotten") and "key" not in told


# Keys that were used before this release.


async def earlier(backend, client, key, *, actor=None, state="done", body=PROJECT, path="/v1/projects", domain="content", kind=None):
    """The row and the event of a command as the release before left them."""
    _, _, envelope = await ask(backend, client, "content", "/v1/projects", PROJECT, keyed())
    id = first_command_id(DEFAULT_TENANT, key)
    request = json.dumps(body).encode()
    old = msgspec.structs.replace(
        envelope,
        id=id,
        key_hash="",
        request_hash=Signer(SECRET).request_hash("POST", path, request).partition(":")[2],
        type=kind or envelope.type,
    )
    await operation_row(backend, old, done(old, project_id=FILE), domain)
    if actor:
        event = SecretRevealed(command_id=id, what="x", thing_id=id)
        position = await backend.happen(event)
        await backend.pg.execute(
            "update log.events set event_id = $2, actor = $3 where position = $1", position, derived_id(id, "event 0"), actor
        )
    return old


async def send(client, path, body, headers):
    """As `earlier` hashes it: the body's bytes count."""
    return await said(client.post(path, data=json.dumps(body).encode(), headers=headers | {"Content-Type": "application/json"}))


@pytest.mark.parametrize("told", [True, False], ids=["its event tells who asked", "nothing tells"])
async def test_a_retry_across_the_update_is_told_what_its_first_was(backend, client, told):
    key = uuid4().hex
    old = await earlier(backend, client, key, actor=f"key:{client.key_id}" if told else None)
    async with backend.deciding("content", lambda envelope, body: done(envelope, project_id=FILE)) as seen:
        answer, _ = await send(client, "/v1/projects", PROJECT, keyed(key))
        other, problem = await send(client, "/v1/projects", PROJECT | {"name": "y"}, keyed(key))
    assert (answer.status, answer.headers["Idempotent-Replayed"], [envelope.id for envelope, _ in seen]) == (201, "true", [old.id])
    assert (other.status, problem["code"]) == (422, "idempotency.other_body")
    other, problem = await send(client, "/v1/uploads", {"name": "n", "bytes": 1}, keyed(key))
    assert (other.status, problem["code"]) == (422, "idempotency.other_route")


async def test_another_api_key_is_not_told_what_became_of_a_request_before_the_update(backend, client):
    key = uuid4().hex
    old = await earlier(backend, client, key, actor=f"key:{uuid4()}")
    async with backend.deciding("content", lambda envelope, body: done(envelope, project_id=FILE)) as seen:
        answer, _ = await send(client, "/v1/projects", PROJECT, keyed(key))
    assert answer.status == 201 and "Idempotent-Replayed" not in answer.headers and seen[0][0].id != old.id


async def test_a_secret_of_before_the_update_is_told_to_nobody_whose_it_may_not_be(backend, client):
    key, body = uuid4().hex, {"name": "n", "scopes": ["*"]}
    kind = type_of(ApiKeyCreated).full_name.replace("evt", "cmd").replace("created", "create")
    await earlier(backend, client, key, body=body, path="/v1/api-keys", domain="identity", kind=kind)
    answer, told = await send(client, "/v1/api-keys", body, keyed(key))
    assert (answer.status, told["code"]) == (422, "idempotency.earlier_release")
