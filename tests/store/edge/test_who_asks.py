"""Who asks, over HTTP: keys, persons with sessions, persons who act as others; each as themselves, and no more than they may."""

from uuid import uuid4

import aiohttp

from api_edge.auth import grants
from contracts.message import DEFAULT_TENANT
from contracts.render.jobs import JobCancelled
from tests.store.edge.sessions import COOKIE, asking, sessions
from tests.store.edge.support import OTHER_TENANT, done
from tests.store.edge.test_edge import FILE, PROJECT, said
from tests.store.edge.test_events import opened


async def test_who_has_a_session_asks_as_a_person_of_their_tenant(backend, edge):
    with sessions(edge) as store:
        who, text = store.begin(OTHER_TENANT, ["content:*", "log:read"])
        async with (
            asking(edge, text) as person,
            backend.deciding("content", lambda envelope, body: done(envelope, project_id=FILE)) as seen,
        ):
            answer, _ = await said(person.post("/v1/projects", json=PROJECT))
            assert answer.status == 201
            assert (seen[0][0].actor, seen[0][0].tenant) == (f"user:{who.user}", OTHER_TENANT)
            _, me = await said(person.get("/v1/me"))
            assert (me["tenant_id"], me["actor"], me["roles"]) == (str(OTHER_TENANT), f"user:{who.user}", ["editor"])
            assert (me["key_id"], me["permissions"]) == (None, ["content:read", "content:write", "log:read"])
            answer, body = await said(person.post("/v1/renders", json={"project_id": FILE}))
            assert (answer.status, body["code"]) == (403, "auth.scope") and "the session does not have" in body["detail"]


async def test_a_session_may_come_as_a_cookie_and_api_keys_go_on_beside_it(edge, client):
    with sessions(edge) as store:
        _, text = store.begin(DEFAULT_TENANT, ["*"])
        async with aiohttp.ClientSession(edge.url, headers={"Cookie": f"{COOKIE}={text}"}) as person:
            _, me = await said(person.get("/v1/me"))
            assert me["roles"] == ["editor"]
            _, me = await said(person.get("/v1/me", headers={"Authorization": client.headers["Authorization"]}))
            assert me["key_id"] == str(client.key_id), "what a program says goes before what a browser adds"
        _, me = await said(client.get("/v1/me"))
        assert (me["key_id"], me["actor"]) == (str(client.key_id), f"key:{client.key_id}")


async def test_who_acts_as_another_is_named_with_them_and_makes_no_credentials(backend, edge):
    with sessions(edge) as store:
        other = uuid4()
        who, text = store.begin(OTHER_TENANT, ["*"], acting_as=other)
        async with (
            asking(edge, text) as person,
            backend.deciding("content", lambda envelope, body: done(envelope, project_id=FILE)) as seen,
        ):
            answer, _ = await said(person.post("/v1/projects", json=PROJECT))
            assert (answer.status, seen[0][0].actor) == (201, f"user:{who.user} as user:{other}")
            answer, body = await said(person.post("/v1/api-keys", json={"name": "mine", "scopes": ["content:read"]}))
            assert (answer.status, body["code"]) == (403, "auth.scope")
            answer, _ = await said(person.delete(f"/v1/api-keys/{uuid4()}"))
            assert answer.status == 403


async def test_a_session_that_ends_ends_its_streams_and_lets_nobody_in_any_more(backend, edge):
    with sessions(edge) as store:
        who, text = store.begin(OTHER_TENANT, ["log:read"])
        kept, other = store.begin(OTHER_TENANT, ["log:read"])
        async with asking(edge, text) as person, asking(edge, other) as another:
            stream, staying = await opened(person), await opened(another)
            store.end(who)
            assert await stream.next() is None
            assert stream.comments[-1] == "the session is over"
            answer, body = await said(person.get("/v1/me"))
            assert (answer.status, body["code"]) == (401, "auth.invalid")
            position = await backend.happen(JobCancelled(job_id=uuid4()), OTHER_TENANT)
            assert (await staying.next())[0] == str(position) and edge.stands(kept)


async def test_a_session_that_has_ended_while_its_stream_was_opened_gets_none(edge, monkeypatch):
    with sessions(edge) as store:
        who, text = store.begin(OTHER_TENANT, ["log:read"])
        add = edge.streams.add
        monkeypatch.setattr(edge.streams, "add", lambda stream: (store._ended.add(who.credential), add(stream)))
        async with asking(edge, text) as person:
            stream = await opened(person)
            assert await stream.next() is None and stream.comments[-1] == "the session has ended"


async def test_while_the_store_of_sessions_is_away_no_session_is_believed_and_keys_are(edge, client):
    with sessions(edge) as store:
        _, text = store.begin(DEFAULT_TENANT, ["*"])
        store.away = True
        async with asking(edge, text) as person:
            answer, body = await said(person.get("/v1/me"))
            assert (answer.status, body["code"]) == (503, "unavailable.database")
        answer, _ = await said(client.get("/v1/me"))
        assert answer.status == 200


async def test_a_keys_scopes_are_such_as_exist(client, edge):
    answer, body = await said(client.post("/v1/api-keys", json={"name": "n", "scopes": ["render:read", "rendr:read"]}))
    assert (answer.status, body["code"], body["field"]) == (422, "identity.scope", "scopes[1]")
    assert all(name in body["detail"] for name in grants.grants(edge.scopes))


async def test_a_key_is_told_every_scope_that_it_opens(session_for, edge):
    whole, part = await session_for(["*"]), await session_for(["render:*", "farm:read"], OTHER_TENANT)
    assert (await said(whole.get("/v1/me")))[1]["permissions"] == list(edge.scopes)
    assert (await said(part.get("/v1/me")))[1]["permissions"] == ["render:read", "render:write"]
