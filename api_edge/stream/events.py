"""An event on its way to people: which they are told of, with what they may see of it, framed once for all streams that want it."""

import logging
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from contracts.message import Event, all_types, masked, named
from contracts.positions import position_text
from contracts.visibility import Mask

log = logging.getLogger(__name__)


class Kind(NamedTuple):
    """What is to be known of an event type."""

    name: str  # "render.job.completed"
    public: bool  # whether tenants are told of it: by the feed and by the log alike
    show: Mask  # what they are told of its body


@cache
def kind_of(full_name: str) -> Kind:
    """What is known of a CloudEvents type; an unknown type is not public."""
    entry = named(full_name)
    return Kind(entry.name if entry else full_name, entry is not None and entry.public, masked(full_name))


@lru_cache(128)
def public_types(prefix: str = "") -> tuple[str, ...]:
    """The CloudEvents types of all events that tenants are told of, of those whose names begin so."""
    events = (entry for entry in all_types() if entry.public and issubclass(entry.cls, Event))
    return tuple(entry.full_name for entry in events if entry.full_name.partition(".")[2].startswith(prefix))


def type_prefixes(text: str, *besides: str) -> tuple[str, ...]:
    """Prefixes of public types and of those besides, by comma. Raises ValueError for one by which none begins."""
    prefixes = tuple(filter(None, text.split(",")))
    known = sorted({kind_of(name).name for name in public_types()}.union(besides))
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in known):
            raise ValueError(f"no type begins with {prefix[:60]!r}; there are {', '.join(known)}")
    return prefixes


class _Subject(msgspec.Struct):
    job_id: str = ""


class FeedEvent:
    """An event at its position; ids are text, as they are only passed on."""

    __slots__ = ("_frame", "_job", "body", "causation", "correlation", "epoch", "id", "kind", "position", "tenant", "time", "type")

    def __init__(
        self, epoch: int, position: int, type_: str, tenant: str, id_: str, time: str, correlation: str, causation: str, body: bytes
    ) -> None:
        self.epoch, self.position, self.type, self.tenant, self.id, self.time = (epoch, position, type_, tenant, id_, time)
        self.correlation, self.causation, self.body = correlation, causation, body
        self.kind = kind_of(type_)
        self._frame = b""
        self._job: str | None = None

    @classmethod
    def of_message(cls, epoch: int, position: int, headers: Mapping[str, str], body: bytes) -> "FeedEvent":
        """An event out of a message of the stream. Raises KeyError when a header is missing."""
        return cls(
            epoch, position, headers["ce-type"], headers["ce-tenant"], headers["ce-id"], headers["ce-time"],
            headers["ce-correlation"], headers["ce-causation"], body,
        )  # fmt: skip

    @property
    def tenant_id(self) -> UUID:
        """The tenant it belongs to."""
        return UUID(self.tenant)

    @property
    def job_id(self) -> str:
        """The job it is about, empty when it is about none."""
        if self._job is None:
            self._job = msgspec.json.decode(self.body, type=_Subject, strict=False).job_id
        return self._job

    @property
    def frame(self) -> bytes:
        """The event as server-sent event, made once."""
        if not self._frame:
            data = b'{"id":"%b","type":"%b","time":"%b","correlation":"%b","causation":"%b","data":%b}' % (
                self.id.encode(), self.kind.name.encode(), self.time.encode(),
                self.correlation.encode(), self.causation.encode(), shown(self.kind, self.body),
            )  # fmt: skip
            id = position_text(self.epoch, self.position).encode()
            self._frame = b"id: %b\nevent: %b\ndata: %b\n\n" % (id, self.kind.name.encode(), data)
        return self._frame


def shown(kind: Kind, body: bytes) -> bytes:
    """What people are told of a body, as one line of JSON."""
    try:
        body = kind.show(body)
    except msgspec.DecodeError as error:
        log.error("ALARM: an event of type %s is not told, as it is not what its type declares: %s", kind.name, error)
        return b"{}"
    # Line feeds end a line of the event stream; within JSON they can only stand between tokens.
    return body.replace(b"\r", b"").replace(b"\n", b"")


def tick_frame(kind: Kind, body: bytes) -> bytes:
    """A tick as server-sent event: it has no id, for nobody can ask for it again."""
    name = kind.name.encode()
    return b'event: %b\ndata: {"type":"%b","data":%b}\n\n' % (name, name, shown(kind, body))


def of_row(row: Any, epoch: int) -> FeedEvent:
    """An event out of a row of read.log_events, in the present epoch."""
    return FeedEvent(
        epoch, row["position"], row["type"], str(row["tenant_id"]), str(row["event_id"]), row["time"].isoformat(),
        str(row["correlation_id"]), str(row["causation_id"]), row["body"].encode(),
    )  # fmt: skip
