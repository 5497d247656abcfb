"""The thin way: a plain POST of a command is read and answered without aiohttp's requests, responses and waiting.

Plain is one whole request in one read, of the few headers that need no more than to be looked up. Whatever is not, on the same
connection too, goes aiohttp's way; the handlers are the same, and so are the answers.
"""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, cast

from aiohttp import web

from api_edge.http.connections import IDLE, UNREAD, Connection, Connections
from api_edge.http.responses import Answer

_HEAD = re.compile(r"([A-Z]{1,10}) (/[!-~]*) HTTP/1\.1\r\n((?:[!#-'*+.\-0-9A-Z^_`a-z|~]{1,100}:[ \t]?[ -~]*\r\n){1,100})\r\n")
_LONGEST_HEAD = 8000  # bytes, less than aiohttp takes of one line
_LENGTH = re.compile(r"0|[1-9][0-9]{0,5}")
# What changes how a request is read: framing by chunks, an answer before the body, another protocol, a body to be unpacked.
_NOT_PLAIN = frozenset(("transfer-encoding", "expect", "upgrade", "content-encoding", "te", "trailer", "proxy-connection"))

Answering = Callable[[web.Request], Awaitable[Answer]]
HOT: web.AppKey[dict[str, Answering]] = web.AppKey("hot")
"""By path: what answers a POST to it, and never raises."""


class Headers:
    """A plain request's headers, by name in any case."""

    __slots__ = ("_of",)

    def __init__(self, of: dict[str, str]) -> None:
        self._of = of  # by the name in lower case

    def get(self, name: str, default: Any = None) -> Any:
        """A header's value."""
        return self._of.get(name.lower(), default)


class Whole:
    """The body of a plain request, which came with its head."""

    @staticmethod
    def is_eof() -> bool:
        """Whether all of it is there."""
        return True


class Plain:
    """What handlers of commands use of aiohttp's request."""

    __slots__ = ("_body", "headers", "method", "path")
    query_string, remote = "", None
    query: Mapping[str, str] = {}
    match_info: Mapping[str, str] = {}
    content = Whole

    def __init__(self, method: str, path: str, headers: Headers, body: bytes) -> None:
        self.method, self.path, self.headers, self._body = method, path, headers, body

    @property
    def path_qs(self) -> str:
        """The address, which has no parameters."""
        return self.path

    raw_path = path_qs

    @property
    def content_length(self) -> int:
        """The body's size in bytes."""
        return len(self._body)

    @property
    def body_exists(self) -> bool:
        """Whether anything was sent."""
        return bool(self._body)

    async def read(self) -> bytes:
        """The body."""
        return self._body


def read_plain(data: bytes) -> Plain | None:
    """The request that these bytes are, if they are one plain request from its first byte to its last."""
    end = data.find(b"\r\n\r\n", 0, _LONGEST_HEAD) + 4
    if end < 4:
        return None
    try:
        found = _HEAD.fullmatch(data[:end].decode("ascii"))
    except UnicodeDecodeError:
        return None
    if found is None:
        return None
    headers: dict[str, str] = {}
    lines = found[3].split("\r\n")
    for line in lines[:-1]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip(" \t")
    if len(headers) < len(lines) - 1 or not headers.keys().isdisjoint(_NOT_PLAIN):  # one is repeated, or means more
        return None
    if "host" not in headers or headers.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    length = headers.get("content-length", "0")
    if _LENGTH.fullmatch(length) is None or int(length) != len(data) - end:
        return None
    return Plain(found[1], found[2], Headers(headers), data[end:])


class PlainFirst(Connection):
    """aiohttp's protocol of one connection, which answers plain requests of hot paths by itself while aiohttp waits for the next.

    It stands on what is aiohttp's own: `_messages` (what it has read), `_request_count`, `_upgraded` (somebody asks for a tunnel),
    `_request_in_progress` and `_handler_waiter` (whoever stops waits for what is under way).
    """

    def __init__(self, connections: Connections, manager: web.Server, hot: Mapping[str, Answering], **options: Any) -> None:
        super().__init__(connections, manager, **options)
        self._hot = hot
        self._whole = True  # whether the next byte is a request's first
        self._answering: asyncio.Task[None] | None = None
        self._later: list[bytes] = []  # what came while a plain request was being answered
        self._held = False  # whether nothing is read until that is answered and written

    def data_received(self, data: bytes) -> None:
        """Answer what is plain and hot, hand on what is not."""
        if self._answering is not None:
            self._later.append(data)
            self._hold()
            return
        plain = read_plain(data) if self._whole and data else None
        if plain is None:
            self._whole = self._whole and not data
            super().data_received(data)
            return
        answering = self._hot.get(plain.path) if plain.method == "POST" else None
        if answering is not None and self._is_free():
            self._begin(answering, plain)
            return
        count = self._request_count
        super().data_received(data)
        # aiohttp reads it as we do, and nothing behind it waits for a tunnel.
        self._whole = self._request_count == count + 1 and not self._upgraded

    @property
    def is_idle(self) -> bool:
        """Whether it is between requests, or before its first."""
        return self._answering is None and super().is_idle

    def _is_free(self) -> bool:
        return self.is_idle and not (self._messages or self._close or self._force_close or self._paused)

    def _begin(self, answering: Answering, plain: Plain) -> None:
        self._request_count += 1
        self._request_in_progress = True
        self.heard()
        # Longer than any answer is waited for: aiohttp ends a connection on which it has waited so long for a request.
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        self._answering = _started(self._loop, self._answer(answering, cast(web.Request, plain)))
        if self._answering.done():  # before it was known
            self._answering = None

    async def _answer(self, answering: Answering, request: web.Request) -> None:
        try:
            answer = await answering(request)
            if self.transport is not None:
                self.transport.write(answer.written())
        except Exception as error:  # nothing that is foreseen
            self.log_exception("a plain request could not be answered", exc_info=error)
            self.force_close()
        finally:
            self._answering = None
            self._request_in_progress = False
            if self._handler_waiter is not None and not self._handler_waiter.done():
                self._handler_waiter.set_result(None)
        if self._held and not self._paused:
            self._go_on()
        elif self._paused:
            self._hold()

    def _hold(self) -> None:
        if not self._held:
            self._held = True
            self._pause_transport_reading()

    def _go_on(self) -> None:
        self._held = False
        later, self._later = self._later, []
        if later and self.transport is not None:
            self.data_received(b"".join(later))
        if not (self._held or self._reading_paused or self._buffer_paused):
            self._resume_transport_reading()

    def resume_writing(self) -> None:
        """The client has read what was written to it."""
        super().resume_writing()
        if self._held and self._answering is None:
            self._go_on()


if sys.version_info >= (3, 12):

    def _started(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        return asyncio.Task(work, loop=loop, eager_start=True)

else:

    def _started(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        return loop.create_task(work)


class Site(web.TCPSite):
    """Where connections of `PlainFirst` come in; a port that is `shared` is one of several processes, among which Linux spreads them."""

    def __init__(self, runner: web.AppRunner, connections: Connections, host: str, port: int, *, shared: bool = False) -> None:
        super().__init__(runner, host, port)
        self._connections = connections
        self._options = {"keepalive_timeout": IDLE, "lingering_time": UNREAD, "access_log": None}
        self._at, self._is_shared = (host, port), shared

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        await web.BaseSite.start(self)
        loop, server, app = asyncio.get_running_loop(), self._runner.server, cast(web.AppRunner, self._runner).app
        assert server is not None, "the runner was set up"
        hot = app[HOT]
        self._server = await loop.create_server(
            lambda: PlainFirst(self._connections, server, hot, loop=loop, **self._options),
            *self._at,
            backlog=1024,
            reuse_port=self._is_shared or None,
        )
