"""From the broker's messages to items: commands and reports as they come, events through the domain's reactions."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import uuid5

import msgspec
from nats.aio.msg import Msg

from consumers.runtime.domain import Domain
from consumers.runtime.item import Item
from contracts.envelope import Envelope, derived_id, node_actor
from contracts.message import PLATFORM, Command, Event, Kind, Message, decode, named, type_of, versions_of
from contracts.node import report_id

_PLAIN = re.compile(r"[\x20-\x7e]{0,1000}")
_REPORTS = f"{Kind.REPORT}."
_REPLY = re.compile(r"out(\.[\w-]{1,100}){1,5}", re.ASCII)


def read_command(domain: Domain, msg: Msg) -> Item:
    """A command from its work queue; what cannot be read becomes an item that ends in quarantine."""
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


def read_event(domain: Domain, msg: Msg, position: int = 0) -> list[Item]:
    """The commands that this domain's reactions make of an event. Raises what a reaction raises."""
    headers = msg.headers or {}
    kind = headers.get("ce-type", "")
    if kind not in _reacted(domain):
        return []
    return reactions(domain, Envelope.read(headers), decode(kind, msg.data), position)


def reactions(domain: Domain, envelope: Envelope, event: Message, position: int) -> list[Item]:
    """The commands that this domain makes of an event at a position of the log. Raises what a reaction raises."""
    assert isinstance(event, Event)
    commands = domain.reacts[type(event)](event, envelope)
    return [_reaction(envelope, command, number, position) for number, command in enumerate(commands)]


def unreacted(domain: Domain, msg: Msg, position: int, why: str) -> Item:
    """What waits in quarantine for an event of which this domain's reaction could make nothing: it is re-driven from the log."""
    envelope = Envelope.read(msg.headers or {})
    own = msgspec.structs.replace(envelope, id=derived_id(envelope.id, f"reaction of {domain.name}"), causation=envelope.id, reply="")
    return Item(envelope=own, command=None, body=msg.data, position=position, unreadable=why)


@lru_cache(64)
def _names(reacts: tuple[type[Event], ...]) -> frozenset[str]:
    return frozenset(entry.full_name for event in reacts for entry in versions_of(event))


def _reacted(domain: Domain) -> frozenset[str]:
    """The types of the events that this domain reacts to, older versions included."""
    return _names(tuple(domain.reacts))


def _reaction(envelope: Envelope, command: Command, number: int, position: int) -> Item:
    identity = uuid5(envelope.id, f"{type_of(command).full_name} {number}")
    caused = envelope.caused(command, id=identity, time=envelope.time, actor="system")
    return Item(envelope=caused, command=command, body=msgspec.json.encode(command), position=position)


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
        actor=node_actor(scope) if kind == Kind.REPORT else "unknown",
        correlation=identity,
        causation=identity,
    )
