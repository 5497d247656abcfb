"""The thin way of plain requests: what goes it, and that nobody can tell it from aiohttp's."""

import asyncio

import pytest

from api_edge.http.plain import read_plain
from api_edge.http.responses import Answer
from tests.support.plain import BODY, SLOW, answered, connected, request, served


def test_one_whole_request_of_few_words_is_plain():
    found = read_plain(request(BODY, "/hot", "POST", "X-Request-Id:  abcdefgh ", "Connection: Keep-Alive"))
    assert (found.method, found.path, found.headers.get("x-request-id"), found.content_length) == ("POST", "/hot", "abcdefgh", len(BODY))
    assert (found.headers.get("CONTENT-TYPE"), found.headers.get("absent")) == ("application/json", None)
    assert read_plain(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").body_exists is False


@pytest.mark.parametrize(
    "data",
    [
        request(length=len(BODY) + 1),
        request(length=len(BODY) - 1),
        request(length=f"+{len(BODY)}"),
        request(length=f"0{len(BODY)}"),
        request() + request(),
        request(BODY, "/hot", "POST", f"Content-Length: {len(BODY)}"),
        request(BODY, "/hot", "POST", "Authorization: a", "authorization: b"),
        request(BODY, "/hot", "POST", "Transfer-Encoding: chunked"),
        request(BODY, "/hot", "POST", "Expect: 100-continue"),
        request(BODY, "/hot", "POST", "Connection: close"),
        request().replace(b"Host:", b"Hose:"),
        request(BODY, "/hot", "POST", "Proxy-Connection: close"),
        request(BODY, "/hot", "POST", "Upgrade: websocket"),
        request(BODY, "/hot", "POST", "Content-Encoding: gzip"),
        request(BODY, "/hot", "POST", "X: a\x00b"),
        request(BODY, "/hot", "POST", "X: a\nContent-Length: 3"),
        request(BODY, "/hot", "POST", "X : a"),
        request(BODY, "/hot", "POST", " folded"),
        request(BODY, "/hot", "POST", "X: ä"),
        request().replace(b"HTTP/1.1", b"HTTP/1.0"),
        request().replace(b"POST /hot", b"POST  /hot"),
        request().replace(b"\r\n", b"\n"),
        b"\r\n" + request(),
        request(BODY, "/hot", "POST", *(f"X-{number}: {'x' * 100}" for number in range(90))),
    ],
)
def test_what_could_be_read_in_another_way_is_not_plain(data):
    assert read_plain(data) is None


async def test_what_is_plain_goes_the_thin_way_and_all_else_aiohttps_on_one_connection():
    async with served() as (_, port), connected(port) as (reader, writer):
        for sent, way in (
            (request(), "plain"),
            (request(BODY, "/cold"), "aiohttp"),
            (request(b"", "/hot", "GET"), "aiohttp"),
            (request(b"again"), "plain"),
            (request() + request(b"second"), "aiohttp"),
        ):
            writer.write(sent)
            assert (await answered(reader))[0] == way
        assert await answered(reader) == ("aiohttp", b"second")
        writer.write(request())
        assert (await answered(reader))[0] == "aiohttp", "after two in one read nobody knows where a request begins"


async def test_what_belongs_to_a_request_under_way_is_never_taken_for_another():
    async with served() as (seen, port), connected(port) as (reader, writer):
        writer.write(b"POST /cold HTTP/1.1\r\nX-Pad: ")
        await writer.drain()
        await asyncio.sleep(0.05)  # so that the rest is mostly read by itself; the test is true either way
        writer.write(request())
        assert await answered(reader) == ("aiohttp", BODY)
        assert seen.paths == ["/cold"]


async def test_a_body_is_never_taken_for_a_request():
    async with served() as (seen, port), connected(port) as (reader, writer):
        inner = request(b"smuggled")
        outer = request(b"x" * 10 + inner, "/hot")
        writer.write(outer[: -len(inner)])
        await writer.drain()
        await asyncio.sleep(0.05)  # so that the rest is mostly read by itself; the test is true either way
        writer.write(inner)
        assert await answered(reader) == ("aiohttp", b"x" * 10 + inner)
        assert seen.bodies == [b"x" * 10 + inner]


@pytest.mark.parametrize("cut", [1, 10, 40, len(request()) - len(BODY) - 2, len(request()) - len(BODY), len(request()) - 1])
async def test_a_request_in_two_pieces_is_answered_once(cut):
    async with served() as (seen, port), connected(port) as (reader, writer):
        data = request()
        writer.write(data[:cut])
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(data[cut:])
        assert (await answered(reader))[1] == BODY
        writer.write(request(b"next"))
        assert (await answered(reader))[1] == b"next"
        assert seen.bodies == [BODY, b"next"]


async def test_behind_what_asks_for_a_tunnel_nobody_knows_where_a_request_begins():
    async with served() as (seen, port), connected(port) as (reader, writer):
        half = b"POST /cold HTTP/1.1\r\nX-Pad: "
        writer.write(request(half, "/hot", "CONNECT"))  # which has no body, whatever its length says: what follows is the next request
        assert " 404 " in (await answered(reader))[0].split("\r\n")[0]
        writer.write(request())
        assert await answered(reader) == ("aiohttp", BODY)
        assert seen.paths == ["/cold"]


async def test_what_comes_while_one_is_answered_waits_for_its_turn():
    async with served() as (seen, port), connected(port) as (reader, writer):
        writer.write(request(SLOW))
        async with asyncio.timeout(10):
            while not seen.bodies:
                await asyncio.sleep(0.001)
        for number in range(50):
            writer.write(request(b"%d" % number))
            await writer.drain()
            await asyncio.sleep(0)
        assert seen.bodies == [SLOW]
        seen.go.set()
        assert [(await answered(reader))[1] for _ in range(51)] == [SLOW, *(b"%d" % number for number in range(50))]


async def test_a_client_that_reads_nothing_is_not_read_from_for_ever():
    async with served() as (seen, port), connected(port) as (reader, writer):
        sent = 0
        body = b"y" * 60_000
        for _ in range(400):
            writer.write(request(body))
            sent += 1
            try:
                async with asyncio.timeout(0.2):
                    await writer.drain()
            except TimeoutError:
                break
        assert len(seen.bodies) < 400, "what is answered to one who does not read is kept without end"
        for _ in range(sent):
            assert (await answered(reader))[1] == body


async def test_who_stops_waits_for_what_is_under_way():
    async with served() as (seen, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(SLOW))
        async with asyncio.timeout(10):
            while not seen.bodies:
                await asyncio.sleep(0.001)
        asyncio.get_running_loop().call_later(0.1, seen.go.set)
    assert (await answered(reader))[1] == SLOW
    writer.close()


async def test_of_too_many_connections_none_makes_way_whose_request_is_under_way():
    # Of one address half of all may be open.
    async with served(most=4) as (seen, port), connected(port) as (reader, writer):
        writer.write(request(SLOW))
        async with asyncio.timeout(10):
            while not seen.bodies:
                await asyncio.sleep(0.001)
        async with connected(port) as (idle, _), connected(port) as (third, asking):
            asking.write(request(b"b"))
            assert await answered(third) == ("plain", b"b")
            with pytest.raises(asyncio.IncompleteReadError):  # it came later, but made way
                await idle.readexactly(1)
        seen.go.set()
        assert await answered(reader) == ("plain", SLOW)


def test_an_answer_cannot_be_split_by_a_header():
    with pytest.raises(ValueError, match="line break"):
        Answer(200, {"Location": "/x\r\nSet-Cookie: a=b"}, b"").written()
