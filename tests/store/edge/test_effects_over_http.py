"""Effects over HTTP: a tenant sees its own and no other's, and acts on them by commands."""

from uuid import uuid4

import pytest

from contracts.message import DEFAULT_TENANT
from tests.store.edge.support import OTHER_TENANT, done
from tests.store.edge.test_edge import said

ROW = """insert into file_mgr.effects (tenant_id, id, kind, payload, envelope, attempts, due_at, last_error, state)
 values ($1, $2, $3, '{}', '{}', 2, now(), 'a secret of ours', $4)"""


async def test_a_tenant_sees_its_own_effects_by_state_and_nothing_of_what_went_wrong_inside(backend, client):
    mine, unknown, other = uuid4(), uuid4(), uuid4()
    for tenant, id, kind, state in (
        (DEFAULT_TENANT, mine, "open", "due"),
        (DEFAULT_TENANT, unknown, "join", "unknown"),
        (OTHER_TENANT, other, "open", "due"),
    ):
        await backend.pg.execute(ROW, tenant, id, kind, state)
    answer, told = await said(client.get("/v1/effects"))
    assert answer.status == 200 and {row["effect_id"] for row in told["data"]} == {str(mine), str(unknown)}
    assert "a secret" not in str(told)
    _, told = await said(client.get("/v1/effects?state=unknown&kind=join&domain=file_mgr"))
    assert [(row["effect_id"], row["domain"], row["attempts"]) for row in told["data"]] == [(str(unknown), "file_mgr", 2)]
    _, told = await said(client.get("/v1/effects?domain=render"))
    assert told["data"] == []
    await backend.pg.execute("delete from file_mgr.effects")


async def test_what_is_rare_is_found_behind_thousands_that_are_not_page_by_page(backend, client):
    many = ROW.replace("last_error, state)", "last_error, state, created_at)").replace(
        "values ($1, $2, $3,", "select $1, gen_random_uuid(), $2,"
    )
    many = many.replace("'a secret of ours', $4)", "'', $3, now() - n * interval '1 second' from generate_series($4::int, $5::int) n")
    for state, first, last in (("due", 1, 2500), ("exhausted", 2501, 2503)):
        await backend.pg.execute(many, DEFAULT_TENANT, "open", state, first, last)
    for state, wanted in (("exhausted", 3), ("unknown", 0), ("due", 2500)):
        found, cursor, pages = [], "", 0
        while cursor is not None:
            _, told = await said(client.get(f"/v1/effects?state={state}&limit=500{cursor}"))
            assert {row["state"] for row in told["data"]} <= {state}
            found += [row["effect_id"] for row in told["data"]]
            cursor, pages = told["next_cursor"] and f"&cursor={told['next_cursor']}", pages + 1
        assert len(found) == len(set(found)) == wanted
        assert pages <= 7, "a page looks at a thousand"
    await backend.pg.execute("delete from file_mgr.effects")


async def test_an_act_on_an_effect_is_a_command_of_its_domain(backend, client):
    id = uuid4()
    async with backend.deciding("file_mgr", lambda envelope, body: done(envelope, state="due")) as seen:
        answer, told = await said(client.post(f"/v1/effects/file_mgr/{id}", json={"act": "retry", "reason": "mended"}))
    ((envelope, message),) = seen
    assert (answer.status, told["state"], envelope.tenant) == (200, "due", DEFAULT_TENANT)
    assert message == {"effect_id": str(id), "act": "retry", "reason": "mended"}


@pytest.mark.parametrize("body", [{}, {"act": "explode"}, {"act": "retry", "effect_id": str(uuid4())}])
async def test_an_act_that_is_none_is_refused_by_the_edge(client, body):
    answer, _ = await said(client.post(f"/v1/effects/file_mgr/{uuid4()}", json=body))
    assert answer.status == 422
