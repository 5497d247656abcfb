"""The edge on real servers, from the key to the answer."""

import asyncio

import pytest
from conftest import done

from contracts.message import DEFAULT_TENANT

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_key_reads_who_it_is(client):
    async with client.get("/v1/me") as answer:
        body = await answer.json()
    assert answer.status == 200, body
    assert body["tenant_id"] == str(DEFAULT_TENANT)
    assert body["scopes"] == ["*"]


async def test_a_command_is_answered_with_its_outcome(house, client):
    async with house.deciding("content", lambda envelope, body: done(envelope, project_id="11111111-1111-4111-8111-111111111111")) as seen:
        async with client.post("/v1/projects", json={"name": "x", "file_id": "11111111-1111-4111-8111-111111111112"}) as answer:
            body = await answer.json()
    assert (answer.status, answer.headers["Location"]) == (201, f"/v1/projects/{body['project_id']}"), body
    assert seen[0][0].actor == f"key:{client.key_id}"
    assert seen[0][1]["name"] == "x"
