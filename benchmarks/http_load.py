"""A load client in its own process: `connections` raw sockets, each with one request under way; prints one JSON line."""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.figures import percentile


class Load(msgspec.Struct, frozen=True):
    """Answers per second over the measured time, their latency in milliseconds, and how many were not 2xx."""

    per_second: float
    p50: float
    p99: float
    answers: int
    bad: int


class Caller(asyncio.Protocol):
    """Sends the same request again as soon as its answer is complete."""

    def __init__(self, request: bytes, took: list[float]) -> None:
        self._request, self._took = request, took
        self._left = b""
        self._sent = 0.0
        self.bad = 0
        self.lost = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True

    def data_received(self, data: bytes) -> None:
        data = self._left + data
        head = data.find(b"\r\n\r\n")
        if head < 0 or len(data) < head + 4 + _length(data[:head]):
            self._left = data
            return
        self._left = b""
        self._took.append(time.perf_counter() - self._sent)
        self.bad += not data.startswith(b"HTTP/1.1 2")
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def load(port: int, request: bytes, connections: int, warm: float, seconds: float) -> Load:
    """Load a server; what happens in the first `warm` seconds is not counted."""
    took: list[float] = []
    loop = asyncio.get_running_loop()
    callers = [(await loop.create_connection(lambda: Caller(request, took), "127.0.0.1", port))[1] for _ in range(connections)]
    await asyncio.sleep(warm)
    took.clear()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    elapsed, measured = time.perf_counter() - began, sorted(took)
    for caller in callers:
        caller.close()
    bad = sum(caller.bad for caller in callers) + sum(caller.lost for caller in callers)
    return Load(len(measured) / elapsed, percentile(measured, 0.5) * 1000, percentile(measured, 0.99) * 1000, len(measured), bad)


def main() -> None:
    """Read the request's bytes from a file and load the server."""
    import uvloop

    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--request", type=Path, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    asked = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(load(asked.port, asked.request.read_bytes(), asked.connections, min(1.0, asked.seconds / 3), asked.seconds))
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")


if __name__ == "__main__":
    main()
