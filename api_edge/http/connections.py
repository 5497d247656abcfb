"""Open connections, bounded in number and in how long each may take to say what it wants; who waits in vain is told that it is gone."""

import asyncio
import logging
import socket
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from time import monotonic
from typing import Any

from aiohttp.web_protocol import RequestHandler

log = logging.getLogger(__name__)
HEAD = 10.0  # seconds from a request's first byte to the end of its head
IDLE = 75.0  # seconds that a connection may be without a request: longer than proxies keep theirs
UNREAD = 2.0  # seconds in which the rest of a body that nobody wants is still taken, so that its sender reads the answer
GONE = 10  # seconds in which the other side must have acknowledged what was sent, else it is gone
MOST = 16_384  # connections of one process; fewer where it may not have that many files
LOOKS = 1000  # connections that are looked at for one that makes way: where so many work, who comes now would wait for them anyhow
SPARED = 256  # files of a process that are not connections
_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connection(RequestHandler):
    """One connection; `on_lost` is called when it is gone, whoever ended it."""

    def __init__(self, connections: "Connections", *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._connections = connections
        self.address = ""
        self.head_since = 0.0  # when the first byte of a head came that is not whole yet
        self.on_lost: Callable[[], None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it is between requests, before its first, or in the middle of a head: nothing is under way that somebody waits for."""
        return self._waiter is not None and not self._waiter.done()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it, or end it where there are too many."""
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        super().connection_made(transport)
        _notice_loss(transport)
        self._connections.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is gone."""
        self._connections.drop(self)
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that has begun has to end in time.

        What comes while no request is waited for belongs to the one under way, as the rest of a body that nobody wants does; and a line
        break between two requests is no head: who is told then that it is too late takes that for the answer to its next request.
        """
        count, waits = self._request_count, self.is_idle
        super().data_received(data)
        if self._request_count != count:
            self.heard()
        elif waits and not self.head_since and data.strip(b"\r\n"):
            self._connections.begun(self)

    def heard(self) -> None:
        """The head of a request is there."""
        self._connections.whole(self)

    def too_late(self) -> None:
        """Its head did not come in time."""
        if self.transport is not None:
            self.transport.write(_TOO_LATE)
        self.force_close()


class Connections:
    """All of an edge's; where there are too many, one that does nothing makes way: of the same address, if that one has half of them."""

    def __init__(self, most: int = MOST) -> None:
        self.most = min(most, _files() - SPARED)
        self.refused = 0
        self._all: OrderedDict[Connection, None] = OrderedDict()  # those that are longest quiet first
        self._heads: OrderedDict[Connection, None] = OrderedDict()  # those with half a head, the oldest first
        self._by_address: dict[str, OrderedDict[Connection, None]] = {}  # of each address, in the same order

    def __len__(self) -> int:
        return len(self._all)

    def add(self, one: Connection) -> None:
        """Take one in."""
        self._all[one] = None
        neighbours = self._by_address.setdefault(one.address, OrderedDict())
        neighbours[one] = None
        if len(neighbours) > self.most // 2:
            self._make_way(one, neighbours)
        elif len(self._all) > self.most:
            self._make_way(one, self._all)

    def drop(self, one: Connection) -> None:
        """One is gone."""
        if one in self._all:
            del self._all[one]
            self._heads.pop(one, None)
            neighbours = self._by_address[one.address]
            del neighbours[one]
            if not neighbours:
                del self._by_address[one.address]

    def begun(self, one: Connection) -> None:
        """Its head has begun, and is not whole."""
        one.head_since = monotonic()
        self._heads[one] = None

    def whole(self, one: Connection) -> None:
        """A head of it is there."""
        if one.head_since:
            one.head_since = 0.0
            self._heads.pop(one, None)
        self._at_work(one)

    def _make_way(self, newcomer: Connection, among: OrderedDict[Connection, None]) -> None:
        """End the one that is idle the longest; where none is among as many as are looked at, who came last."""
        goes, working = newcomer, []
        for one in islice(among, LOOKS):
            if one is not newcomer and one.is_idle:
                goes = one
                break
            working.append(one)
        for one in working:  # who comes next need not look at them once more: streams stay for days
            self._at_work(one)
        self.refused += goes is newcomer
        self.drop(goes)
        if goes.transport is not None:
            goes.transport.abort()

    def _at_work(self, one: Connection) -> None:
        if one in self._all:
            self._all.move_to_end(one)
            self._by_address[one.address].move_to_end(one)

    async def watch(self) -> None:
        """End those whose heads do not come in time, until cancelled."""
        while True:
            await asyncio.sleep(1.0)
            late = monotonic() - HEAD
            while self._heads and (first := next(iter(self._heads))).head_since < late:
                self._heads.pop(first)
                first.too_late()


def _notice_loss(transport: asyncio.BaseTransport) -> None:
    """Have the system notice when the other side is gone without a word (Linux; elsewhere after its own time)."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    connection = transport.get_extra_info("socket")
    if option is not None and connection is not None:
        with suppress(OSError, AttributeError):  # not TCP
            connection.setsockopt(socket.IPPROTO_TCP, option, GONE * 1000)


def _files() -> int:
    """How many files this process may have, after asking for as many as it may ask for."""
    try:
        import resource
    except ImportError:  # Windows
        return MOST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + SPARED
    if soft < wanted and (hard == resource.RLIM_INFINITY or hard > soft):
        with suppress(ValueError, OSError):
            soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
