"""Who, when and why: the part of a message that travels in its headers, in CloudEvents' names."""

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha1
from uuid import UUID, uuid4

import msgspec

from contracts.message import PLATFORM, Message, type_of

SOURCE = "flatrender"
_FREE = (1 << 128) - 1 ^ (0xF << 76) ^ (0xC << 60)
_text = lru_cache(4096)(str)  # of tenants, of which there are few
_VERSION_5 = (5 << 76) | (0x8 << 60)  # RFC 9562: the version, and the variant 10


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The context of one message; `correlation` names the request that began it all, `causation` what came directly before."""

    id: UUID
    type: str
    tenant: UUID
    time: datetime
    actor: str  # who: "key:<id>", "node:<id>", "system"
    correlation: UUID
    causation: UUID
    request_hash: str = ""  # keyed hash of the HTTP request; empty for what no person asked
    reply: str = ""  # the subject that waits for the outcome
    dry_run: bool = False
    traceparent: str = ""

    def headers(self) -> dict[str, str]:
        """The NATS headers, CloudEvents' attributes first."""
        headers = {
            "ce-id": str(self.id),
            "ce-type": self.type,
            "ce-source": SOURCE,
            "ce-time": self.time.isoformat(),
            "ce-tenant": str(self.tenant),
            "ce-actor": self.actor,
            "ce-correlation": str(self.correlation),
            "ce-causation": str(self.causation),
        }
        for name, value in (("ce-request", self.request_hash), ("ce-reply", self.reply), ("traceparent", self.traceparent)):
            if value:
                headers[name] = value
        if self.dry_run:
            headers["ce-dryrun"] = "1"
        return headers

    def lines(self) -> bytes:
        """The same headers as NATS takes them; written out, for speed. Raises ValueError for a line break in a value."""
        id = str(self.id)
        correlation = id if self.correlation is self.id else str(self.correlation)
        causation = id if self.causation is self.id else str(self.causation)
        text = (
            f"ce-id: {id}\r\nce-type: {self.type}\r\nce-source: {SOURCE}\r\nce-time: {self.time.isoformat()}\r\n"
            f"ce-tenant: {_text(self.tenant)}\r\nce-actor: {self.actor}\r\nce-correlation: {correlation}\r\nce-causation: {causation}\r\n"
        )
        count = 8
        for name, value in (("ce-request", self.request_hash), ("ce-reply", self.reply), ("traceparent", self.traceparent)):
            if value:
                text, count = f"{text}{name}: {value}\r\n", count + 1
        if self.dry_run:
            text, count = f"{text}ce-dryrun: 1\r\n", count + 1
        if text.count("\n") != count or text.count("\r") != count:
            raise ValueError("a message header may not contain a line break")
        return text.encode()

    @classmethod
    def read(cls, headers: dict[str, str]) -> "Envelope":
        """Read NATS headers. Raises KeyError or ValueError when one is missing or malformed."""
        text = headers["ce-id"]
        id, correlation, causation = UUID(text), headers["ce-correlation"], headers["ce-causation"]
        return cls(
            id=id,
            type=headers["ce-type"],
            tenant=UUID(headers["ce-tenant"]),
            time=datetime.fromisoformat(headers["ce-time"]),
            actor=headers["ce-actor"],
            correlation=id if correlation == text else UUID(correlation),  # equal for most commands, and a UUID is slow to read
            causation=id if causation == text else UUID(causation),
            request_hash=headers.get("ce-request", ""),
            reply=headers.get("ce-reply", ""),
            dry_run=headers.get("ce-dryrun") == "1",
            traceparent=headers.get("traceparent", ""),
        )

    def caused(self, message: Message, *, id: UUID, time: datetime, actor: str | None = None, tenant: UUID | None = None) -> "Envelope":
        """The envelope of what follows from this message."""
        return Envelope(
            id=id,
            type=type_of(message).full_name,
            tenant=tenant or self.tenant,
            time=time,
            actor=actor or self.actor,
            correlation=self.correlation,
            causation=self.id,
            traceparent=self.traceparent,
        )


def first(message: Message, *, tenant: UUID = PLATFORM, actor: str = "system", id: UUID | None = None) -> Envelope:
    """The envelope of a message that nothing of ours caused."""
    made = id or uuid4()
    kind = type_of(message).full_name
    return Envelope(id=made, type=kind, tenant=tenant, time=datetime.now(UTC), actor=actor, correlation=made, causation=made)


def derived_id(parent: UUID, name: str) -> UUID:
    """An id that every retry derives again from the same parent: RFC 9562's version 5, without uuid5's detour through text."""
    digest = sha1(parent.bytes + name.encode(), usedforsecurity=False).digest()
    return UUID(int=int.from_bytes(digest[:16]) & _FREE | _VERSION_5)
