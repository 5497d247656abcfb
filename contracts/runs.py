"""The format of an archived run of the log: an object in pieces, each a gzip member of one tenant's events as JSON lines.

Events stand in the order of (tenant, position). A piece is read by itself; all of them, one after another, are the object. Nothing here
reads or writes objects.
"""

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import TypeVar
from uuid import UUID

import msgspec

from contracts.chain import chained

MOST_EVENTS, MOST_BYTES = 20_000, 16 * 1024 * 1024
"""Of events, and of their bodies, in a run: what a reader of the whole log holds at once."""
PIECE_EVENTS, PIECE_BYTES = 1_000, 1024 * 1024
"""The same of a piece: what a reader of one tenant's log holds at once."""
LARGEST = 512 * 1024 * 1024
"""Bytes of an object that a reader takes; those of an earlier release had no bound of their own."""
CHAINED = (
    "event_id",
    "type",
    "tenant_id",
    "time",
    "actor",
    "correlation_id",
    "causation_id",
    "aggregate",
    "version",
    "traceparent",
    "body",
)
T = TypeVar("T")
_encode = msgspec.json.Encoder().encode


class RunDamaged(Exception):
    """An object, or a piece of it, is not what was written."""


class Recorded(msgspec.Struct, frozen=True):
    """What an event of the log says; `body` is its exact JSON text."""

    position: int
    event_id: UUID
    type: str
    tenant_id: UUID
    time: datetime
    actor: str
    correlation_id: UUID
    causation_id: UUID
    aggregate: str
    version: int
    traceparent: str
    body: str


class LogEvent(Recorded, frozen=True, kw_only=True):
    """An event as the log keeps it; the hashes are SHA-256 in hexadecimal."""

    prev_hash: str
    hash: str

    @property
    def expected_hash(self) -> str:
        """What `hash` has to be, given `prev_hash`."""
        values = [getattr(self, name) for name in CHAINED]
        return chained(self.prev_hash, self.position, values)


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Where some of a tenant's events lie within a run's object."""

    tenant_id: UUID
    first: int
    last: int
    offset: int
    bytes: int
    count: int
    sha256: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it is stored."""

    data: bytes
    sha256: str
    pieces: list[Piece]

    @property
    def key(self) -> str:
        """The name of its object: the same events always have the same."""
        return f"log/{self.sha256}.run"


def packed(events: Iterable[LogEvent]) -> Run:
    """A run of these events, which are in the order of their positions."""
    data, pieces = bytearray(), []
    by_tenant = sorted(events, key=attrgetter("tenant_id"))  # stable: each tenant's stay in their order
    for tenant, its in groupby(by_tenant, key=attrgetter("tenant_id")):
        for part in _pieces(list(its)):
            member = gzip.compress(b"\n".join(map(_encode, part)) + b"\n", 6, mtime=0)
            pieces.append(
                Piece(
                    tenant_id=tenant,
                    first=part[0].position,
                    last=part[-1].position,
                    offset=len(data),
                    bytes=len(member),
                    count=len(part),
                    sha256=_digest(member),
                )
            )
            data += member
    return Run(data=bytes(data), sha256=_digest(data), pieces=pieces)


def _pieces(events: list[LogEvent]) -> Iterator[list[LogEvent]]:
    part: list[LogEvent] = []
    size = 0
    for event in events:
        if len(part) == PIECE_EVENTS or (part and size + len(event.body) > PIECE_BYTES):
            yield part
            part, size = [], 0
        part.append(event)
        size += len(event.body)
    yield part


def read_run(kind: type[T], data: bytes, sha256: str) -> list[T]:
    """All events of a run of either format in the order of positions, as LogEvents or as a Struct with fewer fields. Raises RunDamaged."""
    return sorted(_events(kind, data, sha256), key=attrgetter("position"))


def read_piece(kind: type[T], data: bytes, piece: Piece) -> list[T]:
    """The events of a piece. Raises RunDamaged."""
    events = _events(kind, data, piece.sha256)
    if len(events) != piece.count:
        raise RunDamaged(f"the piece from position {piece.first} on has {len(events)} events; {piece.count} were written")
    return events


def _events(kind: type[T], data: bytes, sha256: str) -> list[T]:
    if _digest(data) != sha256:
        raise RunDamaged("it was changed after it was written")
    decode = msgspec.json.Decoder(kind).decode
    return [decode(line) for line in gzip.decompress(data).splitlines()]


def _digest(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()
