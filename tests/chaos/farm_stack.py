"""A stack whose nodes reach the broker and the store over wires that can be cut, node by node."""

import contextlib
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import psutil

from adapters.settings import Settings
from deploy.local.stack import Stack
from tests.chaos.wires import Cut, Wire


class FarmStack(Stack):
    """As `Stack`; nodes are named node-1, node-2, …"""

    def __init__(self, data: Path, *, nodes: int) -> None:
        super().__init__(data, nodes=nodes)
        self.names = [f"node-{number}" for number in range(1, nodes + 1)]
        self._broker = {name: Wire(lambda: _port(self.servers.nats_url)) for name in self.names}
        self._store = Wire(lambda: _port(self.servers.s3_url), self._whose)
        self._wires = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as wires:
            for wire in (*self._broker.values(), self._store):
                await wires.enter_async_context(wire)
            await super().__aenter__()
            self._wires = wires.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        finally:
            await self._wires.aclose()

    def cut_off(self, name: str, how: Cut, *, store: bool) -> None:
        """A node loses the broker, and perhaps the store."""
        self._broker[name].cut("", how)
        if store:
            self._store.cut(name, how)

    def rejoin(self, name: str) -> None:
        """A node has all its wires again."""
        self._broker[name].heal("")
        self._store.heal(name)

    def _add(self, name: str, arguments: Sequence[str], settings: Settings, stop: float, **more: Any) -> None:
        if name in self._broker:
            changed = {"nats_url": f"nats://127.0.0.1:{self._broker[name].port}"}
        else:
            changed = {"s3_public_url": f"http://127.0.0.1:{self._store.port}"}
        super()._add(name, arguments, settings.model_copy(update=changed), stop, **more)

    def _whose(self, port: int) -> str:
        """The node whose daemon has this local port, or nobody: all nodes are sent the same addresses."""
        pids = self.processes.pids()
        for name in self.names:
            with contextlib.suppress(psutil.Error, KeyError):
                if any(one.laddr and one.laddr.port == port for one in psutil.Process(pids[name]).net_connections("tcp4")):
                    return name
        return ""


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None, "a server of the stack has a port"
    return port
