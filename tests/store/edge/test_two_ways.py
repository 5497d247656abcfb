"""A request is answered alike whether it goes the thin way or aiohttp's, on a real edge."""

import asyncio
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import pytest

from contracts.message import DEFAULT_TENANT

FILE = "11111111-1111-4111-8111-111111111112"
GOOD = msgspec.json.encode({"name": "x", "file_id": FILE})
UNLIKE = {"date", "x-request-id", "location"}  # what no two answers have in common

CASES = {
    "accepted": (GOOD, {}),
    "with a key of its own": (GOOD, {"Idempotency-Key": "!"}),
    "no body": (b"", {}),
    "no JSON": (b"{", {}),
    "not UTF-8": (b'{"name":"\xff"}', {}),
    "half a surrogate": (rb'{"name":"\ud800"}', {}),
    "U+0000": (rb'{"name":"a\u0000","file_id":"' + FILE.encode() + b'"}', {}),
    "an unknown field": (b'{"name":"x","files":1}', {}),
    "another kind": (GOOD, {"Content-Type": "text/plain"}),
    "too large": (b" " * 70_000, {}),
    "a name of its own": (GOOD, {"X-Request-Id": "a-name-of-its-own"}),
    "a name that is none": (GOOD, {"X-Request-Id": "a name"}),
    "a trace": (GOOD, {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}),
    "a key that is none": (GOOD, {"Idempotency-Key": "a b"}),
    "nobody": (GOOD, {"Authorization": ""}),
    "somebody unknown": (GOOD, {"Authorization": f"Bearer fr1_{'a' * 32}_{'b' * 40}"}),
    "another scheme": (GOOD, {"Authorization": "Basic abc"}),
    "by the other header": (GOOD, {"X-Api-Key": "!"}),
}


def written(body, headers):
    lines = ["POST /v1/projects HTTP/1.1", "Host: here", *(f"{name}: {value}" for name, value in headers.items() if value)]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}"]).encode() + b"\r\n\r\n"


async def asked(url, head, body, *, in_pieces):
    """Status, headers and body of one request; the body comes after the head has been read, or with it."""
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port, limit=1 << 20)
    try:
        async with asyncio.timeout(10):
            if in_pieces:
                writer.write(head[:20])
                await asyncio.sleep(0.02)
                writer.write(head[20:] + body)
            else:
                writer.write(head + body)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in lines[1:-2])
            return lines[0], fields, await reader.readexactly(int(fields["content-length"]))
    finally:
        writer.close()


@pytest.mark.parametrize("case", CASES)
async def test_both_ways_answer_alike(backend, edge, client, case):
    body, more = CASES[case]
    key = client.headers["Authorization"]
    told = []
    async with backend.deciding("content", lambda envelope, body: None):
        for in_pieces in (False, True):
            told.append(await said_to(edge, key, body, more, in_pieces=in_pieces))
    assert told[0] == told[1]


async def said_to(edge, key, body, more, *, in_pieces):
    """What is answered, but for what no two answers have in common."""
    headers = {"Content-Type": "application/json", "Authorization": key, "Prefer": "respond-async"}
    for name, value in more.items():
        headers[name] = value if value != "!" else uuid4().hex if name == "Idempotency-Key" else key.partition(" ")[2]
    if "X-Api-Key" in more:
        del headers["Authorization"]
    status, fields, answer = await asked(edge.url, written(body, headers), body, in_pieces=in_pieces)
    said = msgspec.json.decode(answer)
    said.pop("operation", None)
    if said.get("request_id") != more.get("X-Request-Id"):
        assert said.pop("request_id", fields["x-request-id"]) == fields["x-request-id"]
    shown = {name: value for name, value in fields.items() if name not in UNLIKE and (name != "content-length" or status[9] != "4")}
    return status, shown, said, "location" in fields


async def test_what_goes_the_thin_way_is_one_command_with_all_that_was_said(backend, edge, client):
    async with backend.deciding("content", lambda envelope, body: None) as seen:
        head = written(GOOD, {"Authorization": client.headers["Authorization"], "Prefer": "respond-async", "X-Request-Id": FILE})
        status, fields, _ = await asked(edge.url, head, GOOD, in_pieces=False)
        assert (status, fields["x-request-id"]) == ("HTTP/1.1 202 Accepted", FILE)
        async with asyncio.timeout(10):
            while not seen:
                await asyncio.sleep(0.01)
    assert [(one.tenant, str(one.correlation), body) for one, body in seen] == [(DEFAULT_TENANT, FILE, msgspec.json.decode(GOOD))]
