"""The edge's thin way: what goes it is what aiohttp would have read, as a check over a real connection."""

import asyncio
from typing import Any
from unittest.mock import patch

from api_edge.http.plain import PlainFirst
from tests.mutants.checks import hold
from tests.support.in_process import InProcessDomains
from tests.support.plain import answered, connected, request, served


async def what_belongs_to_a_request_is_taken_for_no_other(in_process: InProcessDomains) -> None:
    """I4: bytes that belong to the request before are not a request of their own, whose headers somebody else wrote."""
    async with served() as (seen, port), connected(port) as (reader, writer):
        writer.write(b"POST /cold HTTP/1.1\r\nX-Pad: ")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(request())
        await answered(reader)
        hold(seen.paths == ["/cold"], f"the one request to /cold became requests to {seen.paths}")


def every_read_begins_a_request(in_process: InProcessDomains) -> Any:
    """Nobody remembers that a request is half read."""
    received = PlainFirst.data_received

    def forget(self: PlainFirst, data: bytes) -> None:
        self._whole = True
        received(self, data)

    return patch.object(PlainFirst, "data_received", forget)
