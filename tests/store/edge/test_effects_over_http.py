"""Effects over HTTP: a tenant sees its own and no other's, and acts on them by commands."""

from uuid import uuid4

import pytest

from contracts.message import DEFAULT_TENANT
from tests.store.edge.support import OTHER_TENANT, done
from tests.store.edge.test_edge import said

ROW = """insert into file_mgr.effects (tenant_id, id, kind, payload, envelope, attempts, due_at, last_error, state)
 values ($1, $2, $3, '{}', '{}', 2, now(), 'a secret of the house', $4)"""


async def test_a_tenant_sees_its_own_effects_by_state_and_nothing_of_what_went_wrong_inside(house, client):
    mine, unknown, other = uuid4(), uuid4(), uuid4()
    for tenant, id, kind, state in (
        (DEFAULT_TENANT, mine, "open", "due"),
        (DEFAULT_TENANT, unknown, "join", "unknown"),
        (OTHER_TENANT, other, "open", "due"),
    ):
        await house.pg.execute(ROW, tenant, id, kind, state)
    answer, told = await said(client.get("/v1/effects"))
    assert answer.status == 200 and {row["effect_id"] for row in told["data"]} == {str(mine), str(unknown)}
    assert "a secret" not in str(told)
    _, told = await said(client.get("/v1/effects?state=unknown&kind=join&domain=file_mgr"))
    assert [(row["effect_id"], row["domain"], row["attempts"]) for row in told["data"]] == [(str(unknown), "file_mgr", 2)]
    _, told = await said(client.get("/v1/effects?domain=render"))
    assert told["data"] == []
    await house.pg.execute("delete from file_mgr.effects")


async def test_an_act_on_an_effect_is_a_command_of_its_domain(house, client):
    id = uuid4()
    async with house.deciding("file_mgr", lambda envelope, body: done(envelope, state="due")) as seen:
        answer, told = await said(client.post(f"/v1/effects/file_mgr/{id}", json={"act": "retry", "reason": "mended"}))
    ((envelope, message),) = seen
    assert (answer.status, told["state"], envelope.tenant) == (200, "due", DEFAULT_TENANT)
    assert message == {"effect_id": str(id), "act": "retry", "reason": "mended"}


@pytest.mark.parametrize("body", [{}, {"act": "explode"}, {"act": "retry", "effect_id": str(uuid4())}])
async def test_an_act_that_is_none_is_refused_by_the_edge(client, body):
    answer, _ = await said(client.post(f"/v1/effects/file_mgr/{uuid4()}", json=body))
    assert answer.status == 422
