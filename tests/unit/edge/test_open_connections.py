"""Connections over real sockets: bounded in number and time; what waits for one that is gone is told."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from api_edge.errors import Refused
from api_edge.handlers import commands
from api_edge.http import connections
from api_edge.http.connections import Connection, Connections
from api_edge.http.plain import HOT, Site
from api_edge.routes.render.enrolment import _asks_again

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class SmallServer:
    """A small application behind our connections."""

    def __init__(self, most: int) -> None:
        self.connections = Connections(most)
        self.lost: list[str] = []
        self.streaming = asyncio.Event()
        self.port = 0

    async def hello(self, request: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def body(self, request: web.Request) -> web.Response:
        try:
            return web.Response(text=str(len(await commands._read(request))))
        except Refused as refused:
            answer = web.Response(status=408, text=refused.problem.code)
            answer.force_close()
            return answer

    async def stream(self, request: web.Request) -> web.StreamResponse:
        assert isinstance(request.protocol, Connection)
        gone = asyncio.Event()
        request.protocol.on_lost = gone.set
        answer = web.StreamResponse()
        await answer.prepare(request)
        self.streaming.set()
        await gone.wait()
        self.lost.append("stream")
        return answer

    async def client(self, first: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(first)
        return reader, writer


@asynccontextmanager
async def serving(most: int = 1000) -> AsyncIterator[SmallServer]:
    small = SmallServer(most)
    app = web.Application()
    app.add_routes([web.get("/", small.hello), web.post("/", small.body), web.get("/stream", small.stream)])
    app[HOT] = {}
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await Site(runner, small.connections, "127.0.0.1", 0).start()
    small.port = runner.addresses[0][1]
    watching = asyncio.create_task(small.connections.watch())
    try:
        yield small
    finally:
        watching.cancel()
        await runner.cleanup()


async def until(true: Callable[[], Any]) -> None:
    while not true():
        await asyncio.sleep(0.01)


async def test_a_head_that_does_not_come_ends_its_connection_and_a_whole_one_is_answered() -> None:
    async with serving() as small:
        heads = small.connections._heads
        quick, other = await small.client(GET[:10])
        await until(lambda: heads)
        other.write(GET[10:])
        assert (await quick.readline()).startswith(b"HTTP/1.1 200")
        slow, writer = await small.client(GET[:10])
        await until(lambda: heads)
        next(iter(heads)).head_since -= connections.HEAD  # as if so much time had passed
        assert (await slow.read()).startswith(b"HTTP/1.1 408")
        assert not small.connections._heads
        other.write(GET)
        await quick.readuntil(b"hello")
        assert (await quick.readline()).startswith(b"HTTP/1.1 200"), "one that is whole in time may go on"
        writer.close()
        other.close()


async def test_a_byte_now_and_then_makes_no_head_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD", 0.5)
    async with serving() as small:
        reader, writer = await small.client(b"GET / HTTP/1.1\r\nX-A: ")
        ended = asyncio.create_task(reader.read())
        while not ended.done():
            writer.write(b"a")
            await asyncio.sleep(0.1)
        assert b" 408 " in ended.result()
        writer.close()


async def test_the_rest_of_a_body_that_nobody_wants_is_no_head_and_the_next_request_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD", 0.2)
    async with serving() as small:
        reader, writer = await small.client(b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 404")
        for _ in range(3):
            writer.write(b"x" * 10)
            await asyncio.sleep(0.05)
        assert not small.connections._heads
        writer.write(b"\r\n")  # as some clients send after a body
        await asyncio.sleep(1.3)  # longer than the watch sleeps: whoever is taken for late is told by then
        writer.write(GET)
        said = await reader.readuntil(b"hello")
        assert b" 408 " not in said and b"HTTP/1.1 200" in said
        writer.close()


async def test_a_body_that_does_not_come_is_answered_with_408_and_the_connection_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "BODY", 0.3)
    async with serving() as small:
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n"
        reader, writer = await small.client(head + b"123")
        said = await reader.read()
        assert said.startswith(b"HTTP/1.1 408") and said.endswith(b"request.timeout")
        monkeypatch.undo()
        whole, other = await small.client(head)
        await asyncio.sleep(0.05)
        other.write(b"1234567890")
        assert (await whole.readuntil(b"10")).startswith(b"HTTP/1.1 200")
        writer.close()
        other.close()


async def test_the_body_of_who_joins_by_a_used_token_has_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "BODY", 0.2)
    never = SimpleNamespace(content=SimpleNamespace(is_eof=lambda: False), read=asyncio.Event().wait)
    with pytest.raises(Refused, match="The body was not there"):
        await _asks_again(SimpleNamespace(request=never), "a hash")  # type: ignore[arg-type]


async def test_where_there_are_too_many_the_one_that_is_quiet_the_longest_makes_way(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(most=8) as small:
        small.connections.most = 8
        monkeypatch.setattr(Connection, "address", property(lambda one: str(id(one)), lambda one, value: None), raising=False)
        streaming, stream = await small.client(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        await small.streaming.wait()
        idle = [await small.client(GET) for _ in range(7)]
        for reader, _ in idle:
            await reader.readuntil(b"hello")
        idle[0][1].write(GET)  # it speaks again
        await idle[0][0].readuntil(b"hello")
        newcomer, writer = await small.client(GET)
        assert (await newcomer.readline()).startswith(b"HTTP/1.1 200")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await idle[1][0].readexactly(1)
        assert len(small.connections) == 8 and not small.connections.refused
        for _, one in (*idle, (streaming, stream), (newcomer, writer)):
            one.close()


async def test_an_address_with_half_of_all_gets_no_more_and_what_works_is_never_ended() -> None:
    async with serving(most=8) as small:
        small.connections.most = 8
        streams = [await small.client(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(4)]
        await until(lambda: len(small.connections) == 4)
        for reader, _ in streams:
            await reader.readuntil(b"\r\n\r\n")
        refused, writer = await small.client(GET)
        with pytest.raises(ConnectionError):
            if await refused.read() == b"":
                raise ConnectionError
        assert small.connections.refused == 1 and not small.lost
        for _, one in (*streams, (refused, writer)):
            one.close()


async def test_streams_that_stay_and_heads_that_do_not_come_keep_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LOOKS", 3)
    async with serving(most=16) as small:
        small.connections.most = 16  # so that of one address eight may be open
        streams = [await small.client(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(4)]
        for reader, _ in streams:
            await reader.readuntil(b"\r\n\r\n")
        halves = [await small.client(GET[:10]) for _ in range(4)]
        await until(lambda: len(small.connections._heads) == 4)
        answered = 0
        for _ in range(4):
            reader, writer = await small.client()
            try:
                writer.write(GET)
                answered += (await reader.readline()).startswith(b"HTTP/1.1 200")
            except ConnectionError:
                pass
            halves.append((reader, writer))
        assert (answered, small.connections.refused) == (3, 1), "who came first found only streams among those it may look at"
        assert not small.lost
        for _, one in (*streams, *halves):
            one.close()


async def test_a_stream_hears_at_once_that_its_reader_is_gone() -> None:
    async with serving() as small:
        _, writer = await small.client(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        await small.streaming.wait()
        writer.close()
        await until(lambda: small.lost)
        assert not len(small.connections)


async def test_a_reader_that_vanishes_without_a_word_is_noticed_by_the_system() -> None:
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        pytest.skip("this system has no bound of its own")
    async with serving() as small:
        reader, writer = await small.client(GET)
        await reader.readuntil(b"hello")
        (one,) = small.connections._all
        assert one.transport is not None
        with socket.socket(fileno=os.dup(one.transport.get_extra_info("socket").fileno())) as twin:
            assert twin.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == connections.GONE * 1000
        writer.close()
