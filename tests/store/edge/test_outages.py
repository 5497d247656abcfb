"""What the edge says while a server is away, and that it comes back by itself."""

import asyncio

from tests.store.edge.test_edge import PROJECT, said


async def until(condition, seconds=60):
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


async def status(client, path):
    async with client.get(path) as answer:
        return answer.status


async def test_without_the_broker_the_edge_says_503_and_recovers(backend, edge, client):
    await backend.servers.kill("nats")

    async def refused():
        return await status(client, "/v1/me") == 503

    await until(refused)
    answer, body = await said(client.post("/v1/projects", json=PROJECT))
    assert (answer.status, body["code"], answer.headers["Retry-After"]) == (503, "unavailable.feed", "1")
    assert await status(client, "/readyz") == 503
    assert await status(client, "/livez") == 200
    await backend.servers.restart("nats")

    async def back():
        return await status(client, "/readyz") == 200 and await status(client, "/v1/me") == 200

    await until(back)


async def test_without_the_database_commands_are_accepted_and_queries_say_503(backend, edge, client):
    await backend.servers.kill("postgres")
    answer, body = await said(client.get("/v1/renders"))
    assert (answer.status, body["code"]) == (503, "unavailable.database")
    answer, body = await said(client.post("/v1/projects", json=PROJECT, headers={"Prefer": "respond-async"}))
    assert answer.status == 202
    await backend.servers.restart("postgres")
    await backend.reconnect()

    async def back():
        return await status(client, "/v1/renders") == 200

    await until(back)


async def test_a_view_that_the_edge_may_not_read_is_no_fault_of_a_request(backend, edge, client):
    await backend.pg.execute("revoke select on read.operations from edge_ro")
    try:
        answer, body = await said(client.get("/v1/operations/" + "x" * 52))
        assert answer.status == 404, body
        headers = {"Prefer": "respond-async", "Idempotency-Key": "unseen"}
        answer, body = await said(client.post("/v1/projects", json=PROJECT, headers=headers))
        assert answer.status == 202, body
        answer, body = await said(client.get(answer.headers["Location"]))
        assert (answer.status, body["code"]) == (503, "unavailable.database")
    finally:
        await backend.pg.execute("grant select on read.operations to edge_ro")
