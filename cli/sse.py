"""Reads server-sent events (the WHATWG's `text/event-stream`) from lines of bytes."""

from collections.abc import AsyncIterable, AsyncIterator

import msgspec


class ServerEvent(msgspec.Struct, frozen=True):
    """One event; `id` is empty for an event that cannot be resumed from."""

    type: str
    id: str
    data: str


async def events(lines: AsyncIterable[bytes]) -> AsyncIterator[ServerEvent]:
    """The events in a stream; comments and incomplete events at its end are left out."""
    fields: dict[str, list[str]] = {}
    async for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            if fields.get("data"):
                yield ServerEvent(_last(fields, "event") or "message", _last(fields, "id"), "\n".join(fields["data"]))
            fields = {}
            continue
        name, _, value = line.partition(":")
        if name:
            fields.setdefault(name, []).append(value.removeprefix(" "))


def _last(fields: dict[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[-1]
