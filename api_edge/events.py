"""An event on its way to people: which may leave the house, without secrets, framed once for all streams that want it."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from contracts.message import named
from contracts.positions import position_text

SECRET_FIELDS = frozenset({"secret_sha256", "storage_id", "object_key", "scan_key"})
"""Fields of public events that are the house's own: hashes of secrets, and places in object storage."""


class Kind(NamedTuple):
    """What is to be known of an event type."""

    name: str  # "render.job.completed"
    public: bool
    secret: bool  # whether its body has fields that stay inside


@cache
def kind_of(full_name: str) -> Kind:
    """What is known of a CloudEvents type; an unknown type is not public."""
    entry = named(full_name)
    if entry is None:
        return Kind(full_name, False, True)
    fields = {field.name for field in msgspec.structs.fields(entry.cls)}
    return Kind(entry.name, entry.public, bool(fields & SECRET_FIELDS))


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
                self.correlation.encode(), self.causation.encode(), shown(self.body, self.kind.secret),
            )  # fmt: skip
            id = position_text(self.epoch, self.position).encode()
            self._frame = b"id: %b\nevent: %b\ndata: %b\n\n" % (id, self.kind.name.encode(), data)
        return self._frame


def shown(body: bytes, secret: bool) -> bytes:
    """A body as one line of JSON, without the fields that stay inside."""
    if secret:
        fields: dict[str, Any] = msgspec.json.decode(body)
        body = msgspec.json.encode({name: value for name, value in fields.items() if name not in SECRET_FIELDS})
    # Line feeds end a line of the event stream; within JSON they can only stand between tokens.
    return body.replace(b"\r", b"").replace(b"\n", b"")


def tick_frame(name: str, body: bytes) -> bytes:
    """A tick as server-sent event: it has no id, for nobody can ask for it again."""
    return b'event: %b\ndata: {"type":"%b","data":%b}\n\n' % (name.encode(), name.encode(), shown(body, False))


def of_row(row: Any, epoch: int) -> FeedEvent:
    """An event out of a row of read.log_events, in the present epoch."""
    return FeedEvent(
        epoch, row["position"], row["type"], str(row["tenant_id"]), str(row["event_id"]), row["time"].isoformat(),
        str(row["correlation_id"]), str(row["causation_id"]), row["body"].encode(),
    )  # fmt: skip
