"""Who, when and why: the part of a message that travels in its headers, in CloudEvents' names."""

from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

import msgspec

from contracts.actors import SYSTEM
from contracts.ids import derived_id, id_text, new_id, read_id
from contracts.message import PLATFORM, Message, type_of

__all__ = ["SOURCE", "Envelope", "derived_id", "first", "hash_versions", "same_request"]
SOURCE = "flatrender"
_tenant = lru_cache(4096)(read_id)  # of which there are few, and one object for all is found faster than equal ones


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The context of one message; `correlation` names the request that began it all, `causation` what came directly before."""

    id: UUID
    type: str
    tenant: UUID
    time: datetime
    actor: str  # who: "key:<id>", "user:<id> as user:<id>", "node:<id>", or a part of the product, see contracts.actors
    correlation: UUID
    causation: UUID
    request_hash: str = ""  # keyed hashes of the HTTP request, see hash_versions; empty for what no person asked
    key_hash: str = ""  # hash of who asked and their Idempotency-Key, whatever the route; empty without one
    reply: str = ""  # the subject that waits for the outcome
    timer: str = ""  # of a timer's command: its moment and the timer's name; whoever decides it looks whether the timer says so
    if_match: str = ""  # what is changed, by its key's name, and its versions that may be: "job_id=3" or "job_id=3,4"; empty: any
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
        for name, value in self._optional():
            if value:
                headers[name] = value
        if self.dry_run:
            headers["ce-dryrun"] = "1"
        return headers

    def lines(self) -> bytes:
        """The same headers as NATS takes them; written out, for speed. Raises ValueError for a line break in a value."""
        id = id_text(self.id)
        correlation = id if self.correlation is self.id else id_text(self.correlation)
        causation = id if self.causation is self.id else id_text(self.causation)
        text = (
            f"ce-id: {id}\r\nce-type: {self.type}\r\nce-source: {SOURCE}\r\nce-time: {self.time.isoformat()}\r\n"
            f"ce-tenant: {id_text(self.tenant)}\r\nce-actor: {self.actor}\r\nce-correlation: {correlation}\r\nce-causation: {causation}\r\n"
        )
        count = 8
        for name, value in self._optional():
            if value:
                text, count = f"{text}{name}: {value}\r\n", count + 1
        if self.dry_run:
            text, count = f"{text}ce-dryrun: 1\r\n", count + 1
        if text.count("\n") != count or text.count("\r") != count:
            raise ValueError("a message header may not contain a line break")
        return text.encode()

    def _optional(self) -> tuple[tuple[str, str], ...]:
        """Headers that are left out when they are empty."""
        return (
            ("ce-request", self.request_hash),
            ("ce-key", self.key_hash),
            ("ce-reply", self.reply),
            ("ce-timer", self.timer),
            ("ce-if-match", self.if_match),
            ("traceparent", self.traceparent),
        )

    @classmethod
    def read(cls, headers: dict[str, str]) -> "Envelope":
        """Read NATS headers. Raises KeyError or ValueError when one is missing or malformed."""
        text = headers["ce-id"]
        id, correlation, causation = read_id(text), headers["ce-correlation"], headers["ce-causation"]
        return cls(
            id=id,
            type=headers["ce-type"],
            tenant=_tenant(headers["ce-tenant"]),
            time=datetime.fromisoformat(headers["ce-time"]),
            actor=headers["ce-actor"],
            correlation=id if correlation == text else read_id(correlation),  # equal for most commands, and a UUID is slow to read
            causation=id if causation == text else read_id(causation),
            request_hash=headers.get("ce-request", ""),
            key_hash=headers.get("ce-key", ""),
            reply=headers.get("ce-reply", ""),
            timer=headers.get("ce-timer", ""),
            if_match=headers.get("ce-if-match", ""),
            dry_run=headers.get("ce-dryrun") == "1",
            traceparent=headers.get("traceparent", ""),
        )

    def caused(
        self, message: Message, *, id: UUID, time: datetime, actor: str | None = None, tenant: UUID | None = None, cause: UUID | None = None
    ) -> "Envelope":
        """The envelope of what follows from this message, or from another `cause` that it stands for."""
        return Envelope(
            id=id,
            type=type_of(message).full_name,
            tenant=tenant or self.tenant,
            time=time,
            actor=actor or self.actor,
            correlation=self.correlation,
            causation=cause or self.id,
            traceparent=self.traceparent,
        )


def first(message: Message, *, tenant: UUID = PLATFORM, actor: str = SYSTEM, id: UUID | None = None) -> Envelope:
    """The envelope of a message that nothing of ours caused."""
    made = id or new_id()
    kind = type_of(message).full_name
    return Envelope(id=made, type=kind, tenant=tenant, time=datetime.now(UTC), actor=actor, correlation=made, causation=made)


def hash_versions(request_hash: str) -> dict[str, str]:
    """The hashes of one request by the version of the edge's secret: `2:ab… 1:cd…`; a text without a version is of version 1."""
    marked = (one if ":" in one else f"1:{one}" for one in request_hash.split())
    return dict(one.split(":", 1) for one in marked)


def same_request(stored: str, given: str) -> bool:
    """Whether two request hashes may be of one request: not when they differ in a version of the secret that both have."""
    if stored == given:
        return True
    known, asked = hash_versions(stored), hash_versions(given)
    return all(known[version] == asked[version] for version in known.keys() & asked.keys())
