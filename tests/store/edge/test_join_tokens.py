"""Join tokens over HTTP: shown once, for the operator alone; joining is open to whoever has a token, but not a flood of it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from api_edge.auth.secret_texts import secret_hash, secret_text
from api_edge.auth.secrets import FILLED
from api_edge.capacity.limits import ALL_STRANGERS, BURST_SECONDS, STRANGERS, Limits
from api_edge.errors import Refused
from contracts.message import PLATFORM
from tests.store.edge.support import OTHER_TENANT, done, given_out
from tests.store.edge.test_edge import said

NODE, TOKEN = uuid4(), uuid4()


def created(envelope, body):
    return done(envelope, token_id=str(TOKEN), note=body["note"], expires_at="2031-01-01T00:00:00Z", salt=body["salt"])


async def test_a_token_is_shown_once_and_only_its_hash_goes_on(backend, client):
    async with backend.deciding("render", created) as seen:
        answer, told = await said(client.post("/v1/join-tokens", json={"note": "a new one", "expires_in": 60}))
    ((envelope, message),) = seen
    secret = told["token"].split("_")[2]
    assert (answer.status, envelope.tenant, envelope.actor) == (201, PLATFORM, f"key:{client.key_id}")
    assert told["token"] == secret_text("fj", TOKEN, secret) and "salt" not in told
    salt = message.pop("salt")
    assert message == {"note": "a new one", "expires_in": 60, "secret_sha256": secret_hash(secret), "hint": f"{secret[:4]}…"}
    assert salt not in told["token"] and secret not in salt


@pytest.mark.parametrize("field", FILLED)
async def test_nobody_chooses_a_tokens_secret(client, field):
    answer, told = await said(client.post("/v1/join-tokens", json={field: "a" * 64}))
    assert (answer.status, told["field"]) == (422, field)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/join-tokens"),
        ("GET", "/v1/join-tokens"),
        ("POST", f"/v1/join-tokens/{NODE}/revoke"),
        ("POST", f"/v1/nodes/{NODE}/revoke"),
    ],
)
async def test_only_the_operators_tenant_lets_nodes_in_and_shuts_them_out(session_for, method, path):
    for scopes, tenant in ((["*"], OTHER_TENANT), (["farm:*"], OTHER_TENANT), (["render:write"], UUID(int=1))):
        session = await session_for(scopes, tenant)
        answer, told = await said(session.request(method, path))
        assert (answer.status, told["code"]) == (403, "auth.scope")


async def joining(session, bearer, **more):
    body = {"name": "north", "secret_sha256": "a" * 64, **more}
    return await said(session.post("/v1/nodes/join", json=body, headers={"Authorization": f"Bearer {bearer}"}))


async def test_a_node_joins_without_an_api_key_and_hears_where_the_broker_is(backend, session_for, edge):
    session, token_id = await session_for([]), await given_out(backend)
    async with backend.deciding("render", lambda envelope, body: done(envelope, node_id=str(NODE), name="north")) as seen:
        answer, told = await joining(session, secret_text("fj", token_id, "s" * 32))
    ((envelope, message),) = seen
    assert (answer.status, told["nats_url"], told["nats_user"]) == (201, edge.nats_url, f"node-{NODE}")
    assert (envelope.tenant, envelope.actor) == (PLATFORM, f"join_token:{token_id}")
    assert message == {"token_id": str(token_id), "token_sha256": secret_hash("s" * 32), "name": "north", "secret_sha256": "a" * 64}


BAD = {
    "no token at all": ("join.unknown_token", {}, "nonsense"),
    "a token of another form": ("join.unknown_token", {}, "fj_x_y"),
    "an api key": ("join.unknown_token", {}, "fr_" + "0" * 32 + "_x"),
    "a token that was never given out": ("join.unknown_token", {}, secret_text("fj", uuid4(), "s" * 32)),
    "another secret": ("join.unknown_token", {"secret": "t" * 32}, ""),
    "a revoked one": ("join.token_revoked", {"state": "revoked"}, ""),
    "an expired one": ("join.token_expired", {"expires": -timedelta(seconds=1)}, ""),
    "one that another node has used": ("join.token_used", {"state": "used", "node": NODE}, ""),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_token_is_refused_by_the_edge_and_leaves_no_command(backend, session_for, case):
    code, row, bearer = BAD[case]
    session, token_id = await session_for([]), await given_out(backend, **row)
    async with backend.deciding("render", lambda envelope, body: done(envelope, node_id=str(NODE))) as seen:
        answer, told = await joining(session, bearer or secret_text("fj", token_id, "s" * 32))
    assert (answer.status, told["code"]) == (403, code) and seen == []


async def test_the_node_that_used_a_token_may_ask_again_and_nobody_else(backend, session_for):
    session, node = await session_for([]), uuid4()
    token_id = await given_out(backend, "used", node)
    await backend.pg.execute(
        "insert into render.node_identities values ($1, $2, 1, now(), now(), 'north', $3, $4, 'active', '')",
        PLATFORM, node, token_id, "a" * 64,
    )  # fmt: skip
    bearer = secret_text("fj", token_id, "s" * 32)
    async with backend.deciding("render", lambda envelope, body: done(envelope, node_id=str(node), name="north")) as seen:
        assert (await joining(session, bearer))[0].status == 201
        for other in ("b" * 64, "", "ü", None, 7):
            assert (await joining(session, bearer, secret_sha256=other))[1]["code"] == "join.token_used"
    assert len(seen) == 1


@pytest.mark.parametrize("headers", [{"Authorization": ""}, {"Authorization": "Basic x"}, {"Authorization": "Bearer "}])
async def test_joining_needs_a_bearer(session_for, headers):
    session = await session_for([])
    answer, told = await said(session.post("/v1/nodes/join", json={"name": "n", "secret_sha256": ""}, headers=headers))
    assert (answer.status, told["code"]) == (401, "auth.missing")


async def test_a_node_does_not_say_which_token_it_brought(backend, session_for):
    session, token_id = await session_for([]), await given_out(backend)
    answer, told = await joining(session, secret_text("fj", token_id, "s" * 32), token_id=str(NODE))
    assert (answer.status, told["code"]) == (422, "request.invalid")


def test_a_flood_from_one_address_is_held_back_and_others_are_not():
    limits = Limits()
    for _ in range(int(STRANGERS * BURST_SECONDS)):
        limits.take_stranger("1.1.1.1", 0.0)
    with pytest.raises(Refused) as refusal:
        limits.take_stranger("1.1.1.1", 0.0)
    assert refusal.value.problem.code == "limit.requests" and refusal.value.headers["Retry-After"] == "1"
    limits.take_stranger("2.2.2.2", 0.0)
    limits.take_stranger("1.1.1.1", 1.0)


def test_a_network_of_ipv6_is_one_address_and_everybody_together_is_bounded():
    limits = Limits()
    for number in range(int(STRANGERS * BURST_SECONDS)):
        limits.take_stranger(f"2001:db8::{number:x}", 0.0)
    with pytest.raises(Refused, match="One address"):
        limits.take_stranger("2001:db8::ffff", 0.0)
    with pytest.raises(Refused, match="All together"):
        for number in range(int(ALL_STRANGERS * BURST_SECONDS) + 1):
            limits.take_stranger(f"10.0.{number // 256}.{number % 256}", 0.0)


async def test_tokens_are_listed_without_their_hashes_and_expire_by_the_clock(backend, client):
    now = datetime.now(UTC)
    rows = {
        "open": (now + timedelta(hours=1), "open", None),
        "expired": (now - timedelta(hours=1), "open", None),
        "used": (now - timedelta(hours=1), "used", NODE),
    }
    for number, (note, (expires, state, node)) in enumerate(rows.items()):
        await backend.pg.execute(
            "insert into render.join_tokens values ($1, $2, 1, $3, $3, $4, $5, 'abcd…', $6, $7, $8)",
            PLATFORM, uuid4(), now + timedelta(seconds=number), note, "a" * 64, expires, state, node,
        )  # fmt: skip
    answer, told = await said(client.get("/v1/join-tokens?limit=3"))
    assert answer.status == 200 and "secret_sha256" not in told["data"][0]
    assert [(row["note"], row["state"]) for row in told["data"]] == [("used", "used"), ("expired", "expired"), ("open", "open")]
