"""Many at once before real edges: full queues, bodies that do not come, readers that are gone, limits that edges share."""

import asyncio
from base64 import b64decode
from urllib.parse import urlsplit

import msgspec
import pytest

from adapters.nats import api, stream_state
from api_edge.handlers import commands
from api_edge.http.access_log import AccessLog
from api_edge.main import running
from contracts.catalogue import command_stream, undecided_subject
from contracts.message import DEFAULT_TENANT
from contracts.queue import Undecided
from tests.store.edge.support import OTHER_TENANT
from tests.store.edge.test_edge import PROJECT, said

pytestmark = pytest.mark.timeout(60)
LATER = {"Prefer": "respond-async"}


async def until(true):
    while not true():
        await asyncio.sleep(0.01)


async def tell(backend, edge, **tenants):
    """Have the domain of projects say how much waits there."""
    before = edge.queues._queue("content").told
    word = Undecided(most=5, per_second=10.0, tenants=tenants)
    await backend.nc.publish(undecided_subject("content"), msgspec.json.encode(word))
    await until(lambda: edge.queues._queue("content").told is not before)


async def last_of(backend, domain):
    """The last sequence of a domain's stream."""
    return (await stream_state(backend.nc, command_stream(domain)))["state"]["last_seq"]


async def commands_behind(backend, domain, sequence):
    """The bodies of what came into a domain's stream since, from whatever test."""
    numbers = range(sequence + 1, await last_of(backend, domain) + 1)
    found = [await api(backend.nc, f"STREAM.MSG.GET.{command_stream(domain)}", {"seq": number}) for number in numbers]
    return [b64decode(one["message"]["data"]) for one in found]


async def test_who_has_too_much_undecided_is_told_when_to_come_again_and_nothing_is_taken(backend, edge, client, session_for):
    other = await session_for(["*"], OTHER_TENANT)
    try:
        await tell(backend, edge, **{str(DEFAULT_TENANT): 5})
        before = await last_of(backend, "content")
        answer, body = await said(client.post("/v1/projects", json=PROJECT | {"name": "one too many"}, headers=LATER))
        assert (answer.status, body["code"]) == (429, "queue.full")
        assert 1 <= int(answer.headers["Retry-After"]) <= 30
        assert not [body for body in await commands_behind(backend, "content", before) if b"one too many" in body]
        answer, _ = await said(other.post("/v1/projects", json=PROJECT, headers=LATER))
        assert answer.status == 202, "another tenant's queue is its own"
        answer, _ = await said(client.post("/v1/api-keys", json={"name": "a", "scopes": ["*"]}, headers=LATER))
        assert answer.status == 202, "another domain's queue is another"
        await tell(backend, edge)
        answer, _ = await said(client.post("/v1/projects", json=PROJECT, headers=LATER))
        assert answer.status == 202
    finally:
        edge.queues._queues.clear()


async def test_what_was_sent_and_not_counted_yet_counts_too(backend, edge, client):
    try:
        await tell(backend, edge)
        statuses = [(await said(client.post("/v1/projects", json=PROJECT, headers=LATER)))[0].status for _ in range(7)]
        assert statuses == [202] * 5 + [429] * 2
    finally:
        edge.queues._queues.clear()


async def test_a_body_that_does_not_come_is_a_problem_and_frees_its_connection(edge, client, monkeypatch):
    monkeypatch.setattr(commands, "BODY", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(edge.url).port)
    key = client.headers["Authorization"]
    head = f"POST /v1/projects HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    writer.write(head.encode() + b"{")
    answer = (await reader.read()).decode()  # until its end: the connection is closed
    assert answer.startswith("HTTP/1.1 408") and '"code":"request.timeout"' in answer
    writer.close()


async def test_a_reader_that_is_gone_frees_its_place_at_once(edge, client):
    answer = await client.get("/v1/events")
    assert answer.status == 200
    await until(lambda: len(edge.streams) == 1 and edge.limits._streams == {DEFAULT_TENANT: 1})
    answer.close()
    async with asyncio.timeout(4):  # less than until the next sign of life, by which it was noticed before
        await until(lambda: not len(edge.streams) and not edge.limits._streams)


async def test_an_edge_knows_of_the_streams_and_requests_at_another(backend, edge, client):
    async with running(backend.settings, AccessLog(None)) as (second, url):
        await until(lambda: not second.lacks)
        answer = await client.get("/v1/events")
        await until(lambda: any(streams.get(DEFAULT_TENANT) == 1 for _, streams in second.limits._elsewhere.values()))
        answer.close()
        headers = {"Authorization": client.headers["Authorization"]}
        assert (await client.get(f"{url}/v1/me", headers=headers)).status == 200
        bucket = second.limits._buckets[DEFAULT_TENANT]
        bucket.rate, bucket._tokens = 1e-9, 100.0  # it fills no more
        for _ in range(10):
            assert (await client.get("/v1/me")).status == 200
        await until(lambda: bucket._tokens <= 90.0)
