"""Whatever bytes come over a connection, in whatever pieces: with the thin way the edge reads the same requests in them as without it."""

import asyncio
import logging
import random
import re
from itertools import pairwise

import pytest
from aiohttp import web

from api_edge.http.connections import IDLE
from api_edge.http.plain import PlainFirst
from tests.support.plain import Seen, request

COUNT = 800  # connections of each seed, of one to four requests each
OWN = re.compile(rb"(?:X-Way|Date|Content-Type|Server|Connection): [^\r]*\r\n")  # in which the two ways may differ
METHODS = ["POST"] * 8 + ["GET", "HEAD", "PUT", "CONNECT", "OPTIONS", "TRACE", "DELETE", "post", "PRI", "PATCH"]
PATHS = ["/hot"] * 8 + [
    "/cold", "//hot", "/hot/", "/%68ot", "/hot?x=1", "/hot#f", "http://a/hot", "*", "/hot%2F", "/./hot", "/x/../hot", "/hot ", "", "/hot\t",
    "/ho\x80", "/" + "a" * 9000, "a:1",
]  # fmt: skip
FIELDS = [
    "X: a", "X : a", " folded: x", "\tfold", "Content-Length: 5", "content-length: 12", "Content-Length: +3", "Transfer-Encoding: chunked",
    "Transfer-Encoding: identity", "Transfer-Encoding:\tchunked", "Transfer_Encoding: chunked", "TE: trailers", "Trailer: x",
    "Expect: 100-continue", "Upgrade: websocket", "Connection: close", "Connection: keep-alive", "Connection: Upgrade",
    "Connection: keep-alive, close", "Connection: close\x0b", "Proxy-Connection: close", "Host: two", "X: \x01", "X: é", "X:",
    "X:   ", "Content-Length : 3", "Content-Length:", "Content-Length: 0", "Content-Length: 0x5", "Content-Length: 1_2",
    "Content-Length: 12, 12", "X: b\rc", "X: a\nContent-Length: 3", "Content-Length\x00: 3", "(X): y", 'X"a: b', "X: a\x7f",
]  # fmt: skip
BODIES = [b"", b"{}", b"x" * 50, request(b"inner"), b"5\r\nhello\r\n0\r\n\r\n", b"0\r\n\r\n", b"0\r\n\r\n" + request(b"smuggled")]


class Wire(asyncio.Transport):
    """A connection's other side: keeps what is written to it."""

    def __init__(self):
        super().__init__()
        self.written, self.closed, self.paused = b"", False, False

    def write(self, data):
        self.written += b"" if self.closed else bytes(data)

    def close(self):
        self.closed = True

    abort = close

    def is_closing(self):
        return self.closed

    def pause_reading(self):
        self.paused = True

    def resume_reading(self):
        self.paused = False

    def get_extra_info(self, name, default=None):
        return ("192.0.2.1", 1) if name == "peername" else default


async def read(pieces, turns, *, thin):
    """What was asked for, what was answered but for what may differ, whether the connection ended, and how much went the thin way."""
    seen, app = Seen(100), web.Application()
    seen.go.set()

    async def answer(asked):
        for _ in range(turns):
            await asyncio.sleep(0)
        return await seen.answer(asked)

    async def whole(asked):
        return (await answer(asked)).response()

    app.router.add_route("*", "/{path:.*}", whole)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    hot, options = {"/hot": answer} if thin else {}, {"keepalive_timeout": IDLE, "lingering_time": 0.01, "access_log": None}
    wire, one = Wire(), PlainFirst(seen.connections, runner.server, hot, loop=asyncio.get_running_loop(), **options)
    one.connection_made(wire)
    await asyncio.sleep(0)
    for data, pause in pieces:
        for _ in range(200):
            if wire.paused:
                await asyncio.sleep(0)
        if wire.closed:
            break
        one.data_received(data)
        for _ in range(pause):
            await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    one.connection_lost(None)
    await runner.cleanup()
    return (list(zip(seen.paths, seen.bodies, strict=True)), OWN.sub(b"", wire.written), wire.closed), wire.written.count(b"X-Way: plain")


def said(chance):
    """A request, often one that is not what it should be."""
    if chance.random() < 0.6:
        return request(chance.choice(BODIES[:4]))
    body = chance.choice(BODIES)
    lengths = [None] * 8 + [len(body) + 1, max(0, len(body) - 1), "-1", "00", f"0{len(body)}", f" {len(body)} ", f"{len(body)}\t", "9" * 20]
    fields = [chance.choice(FIELDS) for _ in range(chance.choice([0, 0, 0, 1, 1, 2]))]
    data = request(body, chance.choice(PATHS), chance.choice(METHODS), *fields, length=chance.choice(lengths))
    versions = [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.2", b"http/1.1", b"HTTP/1.1 ", b"HTTP/11"]
    at = chance.randrange(len(data))
    changes = [data] * 12 + [
        data.replace(b"HTTP/1.1", chance.choice(versions), 1),
        data.replace(b"\r\n", b"\n", chance.choice([1, 2, 3, 99])),
        chance.choice([b"\r\n", b"\n", b"\r\n\r\n", b" "]) + data,
        data + chance.choice([b"\r\n", b"\n", b" ", b"G"]),
        data[:at] + bytes([chance.randrange(256)]) + data[at + chance.choice([0, 1]) :],
        data[:at],
        data.replace(b"Content-Length: %d\r\n" % len(body), b"", 1),
        data.replace(b"Host: here\r\n", b"", 1),
    ]
    return chance.choice(changes)


def in_pieces(chance):
    """What comes over one connection, each piece with the turns of the loop that pass until the next."""
    requests = [said(chance) for _ in range(chance.choice([1, 2, 3, 4]))]
    if chance.random() < 0.5:
        return [(data, chance.choice([0, 1, 3, 20])) for data in requests]
    data = b"".join(requests)
    cuts = {chance.randrange(len(data) + 1) for _ in range(chance.choice([0, 1, 2, 3]))} | {0, len(data)}
    if chance.random() < 0.5:
        cuts |= {len(b"".join(requests[:number])) for number in range(len(requests))}
    places = sorted(cuts)
    return [(data[a:b], chance.choice([0, 1, 3, 20])) for a, b in pairwise(places) if b > a]


@pytest.mark.parametrize("seed", [1, 2])
async def test_with_the_thin_way_the_same_requests_are_read_and_answered_alike(seed, caplog):
    caplog.set_level(logging.CRITICAL, "aiohttp.server")
    chance, thin = random.Random(seed), 0
    for _ in range(COUNT):
        pieces, turns = in_pieces(chance), chance.choice([0, 0, 1, 5])
        found, plain = await read(pieces, turns, thin=True)
        assert found == (await read(pieces, turns, thin=False))[0], pieces
        thin += plain
    assert thin > COUNT / 4, "hardly anything went the thin way"
