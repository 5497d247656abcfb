"""From the broker's messages to items: commands and reports as they come, events through the domain's reactions."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid5

import msgspec
from nats.aio.msg import Msg

from consumers.runtime.batch import Item
from consumers.runtime.domain import Domain
from contracts.envelope import Envelope, derived_id, node_actor
from contracts.message import PLATFORM, Command, Event, Kind, decode, named, type_of

_PLAIN = re.compile(r"[\x20-\x7e]{0,1000}")
_REPLY = re.compile(r"out(\.[\w-]{1,100}){1,5}", re.ASCII)


def read_command(domain: Domain, msg: Msg) -> Item:
    """A command from its work queue; what cannot be read becomes an item that ends in quarantine."""
    try:
        envelope = _checked(Envelope.read(msg.headers or {}))
    except (KeyError, ValueError) as error:
        envelope = _unknown(msg)
        return Item(envelope=envelope, command=None, raw=msg, body=msg.data, unreadable=f"headers: {error!r}")
    entry = named(envelope.type)
    kind, scope = msg.subject.split(".", 2)[:2]
    if kind == Kind.REPORT:  # the subject says who reports, whatever the headers claim; nobody waits, and nothing goes unrecorded
        envelope = msgspec.structs.replace(envelope, actor=node_actor(scope), reply="", dry_run=False, request_hash="", key_hash="")
    if entry is None or not issubclass(entry.cls, Command) or entry.cls not in domain.decides:
        return Item(
            envelope=envelope, command=None, raw=msg, body=msg.data, unreadable=f"{envelope.type} is not a command of {domain.name}"
        )
    if entry.subject(scope) != msg.subject or (kind == Kind.COMMAND and scope != str(envelope.tenant)):
        return Item(envelope=envelope, command=None, raw=msg, body=msg.data, unreadable=f"{envelope.type} came on {msg.subject}")
    try:
        message = decode(envelope.type, msg.data)
    except msgspec.MsgspecError as error:
        return Item(envelope=envelope, command=None, raw=msg, body=msg.data, unreadable=f"body: {error}")
    assert isinstance(message, Command)
    return Item(envelope=envelope, command=message, raw=msg, body=msg.data)


def read_event(domain: Domain, msg: Msg) -> list[Item]:
    """The commands that this domain's reactions make of an event. Raises what a reaction raises."""
    headers = msg.headers or {}
    entry = named(headers.get("ce-type", ""))
    if entry is None or entry.cls not in domain.reacts:
        return []
    envelope = Envelope.read(headers)
    event = decode(envelope.type, msg.data)
    assert isinstance(event, Event)
    return [_reaction(envelope, command, number) for number, command in enumerate(domain.reacts[type(event)](event, envelope))]


def _reaction(envelope: Envelope, command: Command, number: int) -> Item:
    identity = uuid5(envelope.id, f"{type_of(command).full_name} {number}")
    caused = envelope.caused(command, id=identity, time=envelope.time, actor="system")
    return Item(envelope=caused, command=command, body=msgspec.json.encode(command))


def _checked(envelope: Envelope) -> Envelope:
    """The envelope, if it can be stored and answered. Raises ValueError."""
    for name in ("type", "actor", "request_hash", "key_hash", "traceparent"):
        if not _PLAIN.fullmatch(getattr(envelope, name)):
            raise ValueError(f"{name} is not plain text of at most 1000 characters")
    if envelope.reply and not _REPLY.fullmatch(envelope.reply):
        raise ValueError("reply is not the subject of an outcome")
    if envelope.time.tzinfo is None:
        raise ValueError("time has no zone")
    return envelope


def _unknown(msg: Any) -> Envelope:
    identity = derived_id(PLATFORM, f"{msg.subject} {msg.metadata.sequence.stream}")
    name = ascii(msg.subject.split(".", 2)[-1])[1:-1][:200]
    kind, scope = msg.subject.split(".", 2)[:2]
    return Envelope(
        id=identity,
        type=f"unreadable {name}",
        tenant=PLATFORM,
        time=datetime.now(UTC),
        actor=node_actor(scope) if kind == Kind.REPORT else "unknown",
        correlation=identity,
        causation=identity,
    )
