"""From the broker's messages to items: commands and reports as they come, events through the domain's reactions."""

import re
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec
from nats.aio.msg import Msg

from consumers.runtime.domain import Domain
from consumers.runtime.item import Item
from consumers.runtime.reactions import Reaction
from contracts.actors import SYSTEM, UNKNOWN, node_actor
from contracts.envelope import Envelope
from contracts.ids import derived_id, following_id
from contracts.message import PLATFORM, Command, Event, Kind, decode, named, type_of
from contracts.node import report_id
from contracts.personal import is_personal

_PLAIN = re.compile(r"[\x20-\x7e]{0,1000}")
_REPORTS = f"{Kind.REPORT}."
_REPLY = re.compile(r"out(\.[\w-]{1,100}){1,5}", re.ASCII)


def read_command(domain: Domain, msg: Msg) -> Item:
    """A command from its work queue; what cannot be read becomes an item that ends in quarantine."""
    item = _read(domain, msg)
    if item.command is None:  # whatever its headers say: what came as something personal is not kept
        kind, _, name = (*msg.subject.split(".", 2), "", "")[:3]
        item.bare = is_personal(f"{kind}.{name}")
    return item


def _read(domain: Domain, msg: Msg) -> Item:
    try:
        envelope = _checked(Envelope.read(msg.headers or {}))
    except (KeyError, ValueError) as error:
        envelope = _unknown(msg)
        said = envelope.id if msg.subject.startswith(_REPORTS) else None
        return Item(envelope=envelope, command=None, raw=msg, body=msg.data, said=said, unreadable=f"headers: {error!r}")
    scope = msg.subject.split(".", 2)[1]
    said = None
    if msg.subject.startswith(_REPORTS):
        said, envelope = envelope.id, _reported(envelope, scope)
    item = Item(envelope=envelope, command=None, raw=msg, body=msg.data, said=said)
    entry = named(envelope.type)
    if entry is None or not issubclass(entry.cls, Command):
        item.unreadable = f"{envelope.type} is not a command of {domain.name}"
    elif entry.subject(scope) != msg.subject or (said is None and scope != str(envelope.tenant)):
        item.unreadable = f"{envelope.type} came on {msg.subject}"
    else:
        _read_body(domain, item)
    return item


def _reported(envelope: Envelope, scope: str) -> Envelope:
    """What a node says, whatever else its headers claim: the subject says who reports; nobody waits, and nothing goes unrecorded.

    Its id is made of the node's and the one that it gave, so that it is no other fact's. The tenant that it names counts only as far as its
    decider finds the part there, under this node.
    """
    return msgspec.structs.replace(
        envelope, id=report_id(scope, envelope.id), actor=node_actor(scope), reply="", timer="", dry_run=False, request_hash="", key_hash=""
    )


def _read_body(domain: Domain, item: Item) -> None:
    try:
        message = decode(item.envelope.type, item.body)
    except msgspec.MsgspecError as error:
        item.unreadable = f"body: {error}"
        return
    if type(message) not in domain.decides:  # looked for once it is lifted to its newest version
        item.unreadable = f"{item.envelope.type} is not a command of {domain.name}"
        return
    assert isinstance(message, Command)
    item.command = message


class Row(Protocol):
    """An event's row as history and the log's own readers give it."""

    @property
    def position(self) -> int: ...
    @property
    def event_id(self) -> UUID: ...
    @property
    def type(self) -> str: ...
    @property
    def tenant_id(self) -> UUID: ...
    @property
    def time(self) -> datetime: ...
    @property
    def actor(self) -> str: ...
    @property
    def correlation_id(self) -> UUID: ...
    @property
    def causation_id(self) -> UUID: ...
    @property
    def traceparent(self) -> str: ...
    @property
    def body(self) -> str: ...


def envelope_of(row: Row) -> Envelope:
    """The event's context, as projections and reactions get it."""
    return Envelope(
        id=row.event_id,
        type=row.type,
        tenant=row.tenant_id,
        time=row.time,
        actor=row.actor,
        correlation=row.correlation_id,
        causation=row.causation_id,
        traceparent=row.traceparent,
    )


class Happened(msgspec.Struct, frozen=True):
    """An event of the log, not decoded yet."""

    position: int
    envelope: Envelope
    body: bytes | str

    @classmethod
    def of_message(cls, position: int, msg: Msg) -> "Happened":
        """As EVENTS has it."""
        return cls(position, Envelope.read(msg.headers or {}), msg.data)

    @classmethod
    def of_record(cls, row: Row) -> "Happened":
        """As the log has it."""
        return cls(row.position, envelope_of(row), row.body)

    def decoded(self) -> Event:
        """The event, in its newest version. Raises msgspec's errors."""
        event = decode(self.envelope.type, self.body)
        assert isinstance(event, Event), "only events are in the log"
        return event


def reactions(reaction: Reaction, happened: Happened, *, former: int = 0) -> list[Item]:
    """The commands that a reaction makes of an event, up to position `former` with their former ids. Raises what it raises."""
    commands = reaction.make(happened.decoded(), happened.envelope)
    return [_reaction(reaction, happened, command, number, former) for number, command in enumerate(commands)]


def unreacted(domain: Domain, reaction: Reaction, happened: Happened, error: Exception) -> Item:
    """What waits in quarantine for an event of which a reaction could make nothing: it is re-driven from the log."""
    envelope, position = happened.envelope, happened.position
    own = derived_id(envelope.id, f"reaction of {domain.name}" + ("" if reaction.unnamed else f" {reaction.name}"))
    kept = msgspec.structs.replace(envelope, id=own, causation=envelope.id, reply="")
    body = happened.body if isinstance(happened.body, bytes) else happened.body.encode()
    why = f"reaction {reaction.name} to position {position}: {type(error).__name__}: {error}"
    return Item(envelope=kept, command=None, body=body, position=position, reaction=reaction.name, unreadable=why)


def reaction_id(event: UUID, command: Command, number: int, name: str) -> UUID:
    """The id of the command that a reaction makes of an event: the same whenever it does, and in the order of events."""
    return following_id(event, f"{type_of(command).full_name} {number} {name}")


def former_reaction_id(event: UUID, command: Command, number: int, name: str = "") -> UUID:
    """The same as the releases before gave it, at first without the reaction's name."""
    return derived_id(event, f"{type_of(command).full_name} {number}" + (f" {name}" if name else ""))


def _reaction(reaction: Reaction, happened: Happened, command: Command, number: int, former: int) -> Item:
    envelope = happened.envelope
    if happened.position > former:
        identity = reaction_id(envelope.id, command, number, reaction.name)
    else:
        identity = former_reaction_id(envelope.id, command, number, "" if reaction.unnamed else reaction.name)
    caused = envelope.caused(command, id=identity, time=envelope.time, actor=SYSTEM)
    body = msgspec.json.encode(command)
    return Item(envelope=caused, command=command, body=body, position=happened.position, reaction=reaction.name)


def _checked(envelope: Envelope) -> Envelope:
    """The envelope, if it can be stored and answered. Raises ValueError."""
    for name in ("type", "actor", "request_hash", "key_hash", "timer", "traceparent"):
        if not _PLAIN.fullmatch(getattr(envelope, name)):
            raise ValueError(f"{name} is not plain text of at most 1000 characters")
    if envelope.reply and not _REPLY.fullmatch(envelope.reply):
        raise ValueError("reply is not the subject of an outcome")
    if envelope.time.tzinfo is None:
        raise ValueError("time has no zone")
    return envelope


def _unknown(msg: Any) -> Envelope:
    stored = msg.metadata  # a stream that is made anew counts from one again: the time tells its messages from those before
    identity = derived_id(PLATFORM, f"{msg.subject} {stored.stream} {stored.sequence.stream} {stored.timestamp.isoformat()}")
    name = ascii(msg.subject.split(".", 2)[-1])[1:-1][:200]
    kind, scope = msg.subject.split(".", 2)[:2]
    return Envelope(
        id=identity,
        type=f"unreadable {name}",
        tenant=PLATFORM,
        time=datetime.now(UTC),
        actor=node_actor(scope) if kind == Kind.REPORT else UNKNOWN,
        correlation=identity,
        causation=identity,
    )
