"""What a tenant is told of its log as one sequence, page by page: its own pieces of the archived runs, then the table."""

import asyncio
import logging
from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

import msgspec

from adapters.object_store import StoreError
from api_edge.edge import Edge
from api_edge.errors import unavailable
from api_edge.routing import Row, Walked
from api_edge.stream.events import public_types
from contracts.runs import LogEvent, Piece, RunDamaged, read_piece

log = logging.getLogger(__name__)
AT_ONCE = 8  # pieces of archived runs that a page reads at most
_SHOWN = ("position", "event_id", "type", "time", "actor", "correlation_id", "causation_id", "body", "hash")


class Page(msgspec.Struct, frozen=True):
    """Events in order, as rows; all of the wanted types up to `reached` are among them, which is None at the end of the log."""

    rows: list[Row]
    reached: int | None
    position: str  # the end of the log, as text
    epoch: int


async def page_of_log(edge: Edge, args: list[Any]) -> Walked:
    """A page of GET /v1/log, by its statement's parameters."""
    tenant, prefix, after, cursor, most = args
    page = await walk(edge, tenant, max(after or 0, cursor or 0), most - 1, prefix or "")
    return Walked(page.rows, page.reached, page.position)


async def walk(edge: Edge, tenant: UUID, behind: int, most: int, prefix: str = "") -> Page:
    """At most `most` of the events that a tenant is told of behind a position, of types with a prefix. Raises Refused (503)."""
    types = public_types(prefix)
    if edge.reader is None:
        raise unavailable("database")
    rows: list[Row] = []
    budget = AT_ONCE
    while True:
        found = await edge.reader.log_of(tenant, behind, types, most + 1 - len(rows))
        if behind >= found.before:
            rows += found.rows
            reached = rows.pop()["position"] if rows and rows[-1]["event_id"] is None else None
            break
        for piece in found.pieces[:budget]:
            rows += _chosen(await _events(edge, piece), behind, types)
            behind = reached = piece["last"]
            budget -= 1
            if len(rows) > most:
                break
        else:
            if budget > 0:
                behind = reached = found.before
                continue
        break
    if len(rows) > most:
        rows = rows[:most]
        reached = rows[-1]["position"]
    return Page(rows, reached, found.position, found.epoch)


async def _events(edge: Edge, place: Row) -> list[LogEvent]:
    """Nothing else of the object is read than the caller's piece, whose place the database gives to its tenant alone."""
    if edge.store is None:
        raise unavailable("storage")
    *values, key = place.values()
    piece = Piece(**dict(zip(Piece.__struct_fields__, values, strict=True)))
    try:
        data = await edge.store.get_range(key, piece.offset, piece.bytes)
        return await asyncio.to_thread(read_piece, LogEvent, data, piece)
    except StoreError as error:
        raise unavailable("storage") from error
    except RunDamaged as error:
        log.error("ALARM: the archive %s cannot be read: %s", key, error)
        raise unavailable("archive") from error


def _chosen(events: list[LogEvent], behind: int, types: Collection[str]) -> Iterator[Row]:
    for event in events:
        if event.position > behind and event.type in types:
            yield {name: getattr(event, name) for name in _SHOWN}
