"""What a message is: Command, Event and Report types, declared once under a name, and the registry that all else derives from."""

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Generic, Union, get_args, get_origin
from uuid import UUID

import msgspec
from typing_extensions import TypeVar

from contracts.ids import id_text
from contracts.visibility import Discreet, Mask, Visibility, mask, visible

PLATFORM = UUID("ffffffff-ffff-4fff-8fff-ffffffffffff")
"""The reserved tenant of nodes and fonts; no customer has its id."""
DEFAULT_TENANT = UUID("00000000-0000-0000-0000-000000000001")

NAME = re.compile(r"[a-z_]+\.[a-z_]+\.[a-z_]+")


class Message(Discreet, frozen=True, kw_only=True):
    """The body of a message; who, when and why travel in its Envelope."""


A = TypeVar("A", default=Any)
"""What a command answers: the body that its caller is told once it is done."""


class Command(Message, Generic[A], frozen=True, kw_only=True):
    """Something that shall be done; exactly one domain decides it.

    `Command[JobAnswer]` says what its decider answers, with `|` where a dry run is told something else; a bare one answers nothing.
    """


class Event(Message, frozen=True, kw_only=True):
    """Something that happened; it is never changed."""


class Report(Command, frozen=True, kw_only=True):
    """What a node says of its work: decided like a command, but its subject names the node that speaks."""


class Work(Message, frozen=True, kw_only=True):
    """What a node is asked to do; transport only, the render domain's lease decides."""


class Tick(Message, frozen=True, kw_only=True):
    """Lossy telemetry on core NATS, never stored by a stream."""


class Kind(StrEnum):
    """The first token of a subject."""

    COMMAND = "cmd"  # the second token is the tenant
    EVENT = "evt"  # the second token is the tenant
    REPORT = "report"  # the second token is the node
    WORK = "work"  # the second token is the node
    TICK = "tick"  # the second token is the node, or the tenant for what the edge forwards


class MessageType(msgspec.Struct, frozen=True):
    """One entry of the registry."""

    cls: type[Message]
    kind: Kind
    name: str  # domain.entity.verb
    version: int
    public: bool  # exits show it: tenants' feeds and log, webhooks
    full_name: str  # the CloudEvents type, e.g. `evt.render.job.submitted.v1`

    @property
    def domain(self) -> str:
        return self.name.partition(".")[0]

    def subject(self, scope: UUID | str) -> str:
        """Derive the subject; `scope` is a tenant or a node, or `*`."""
        return f"{self.kind}.{id_text(scope) if isinstance(scope, UUID) else scope}.{self.name}.v{self.version}"


_BY_CLASS: dict[type[Message], MessageType] = {}
_BY_NAME: dict[str, MessageType] = {}
M = TypeVar("M", bound=type[Message])


def _kind_of(cls: type[Message]) -> Kind:
    for base, kind in ((Report, Kind.REPORT), (Command, Kind.COMMAND), (Event, Kind.EVENT), (Work, Kind.WORK), (Tick, Kind.TICK)):
        if issubclass(cls, base):
            return kind
    raise TypeError(f"{cls.__name__} is neither Command, Event, Report, Work nor Tick")


def message(name: str, *, version: int = 1, public: bool = False) -> Callable[[M], M]:
    """Declare a message type under its name `domain.entity.verb`; the kind comes from its base class."""

    def register(cls: M) -> M:
        if not NAME.fullmatch(name):
            raise ValueError(f"{cls.__name__}: a message is named domain.entity.verb, not {name!r}")
        kind = _kind_of(cls)
        entry = MessageType(cls, kind, name, version, public, f"{kind}.{name}.v{version}")
        if entry.full_name in _BY_NAME:
            raise ValueError(f"{entry.full_name} is declared twice: {_BY_NAME[entry.full_name].cls.__name__} and {cls.__name__}")
        if kind in (Kind.EVENT, Kind.TICK):
            visible(cls)  # what cannot be masked is found here
        _BY_CLASS[cls] = _BY_NAME[entry.full_name] = entry
        return cls

    return register


def type_of(message: Message | type[Message]) -> MessageType:
    """The registry's entry for a message or its class."""
    return _BY_CLASS[message if isinstance(message, type) else type(message)]


def named(full_name: str) -> MessageType | None:
    """The registry's entry for a CloudEvents type, or None."""
    return _BY_NAME.get(full_name)


def answer_of(command: type[Command]) -> Any:
    """The type of what a command's decider answers, or None where it answers nothing."""
    for cls in command.__mro__:
        for base in vars(cls).get("__orig_bases__", ()):
            if get_origin(base) is Command:
                (told,) = get_args(base)
                return told
    return None


def answers_of(command: type[Command]) -> tuple[Any, ...]:
    """The types of what a command's decider answers: first what is done, last what a dry run is told; none where it answers nothing."""
    told = answer_of(command)
    if get_origin(told) in (Union, UnionType):
        return get_args(told)
    return () if told is None else (told,)


@cache
def masked(full_name: str, most: Visibility = Visibility.PUBLIC) -> Mask:
    """What may be shown of a body of a CloudEvents type; of an unknown one nothing."""
    entry = named(full_name)
    return mask(entry.cls, most=most) if entry else _nothing


def _nothing(_: object) -> bytes:
    return b"{}"


def for_operators(full_name: str, body: bytes | str) -> bytes:
    """What operators are shown of a body: all but what is a person's or secret."""
    try:
        return masked(full_name, Visibility.INTERNAL)(body)
    except msgspec.DecodeError as error:
        return encode(f"(not shown, as it is not what its type declares: {error})")


def versions_of(cls: type[Message]) -> list[MessageType]:
    """Every declared version of this message, the oldest first: what was sent as an older one is lifted to the newest by `decode`."""
    own = _BY_CLASS[cls]
    return sorted((one for one in _BY_CLASS.values() if (one.kind, one.name) == (own.kind, own.name)), key=lambda one: one.version)


def all_types() -> Iterator[MessageType]:
    """Every declared message type, by name."""
    return iter(sorted(_BY_CLASS.values(), key=lambda entry: entry.full_name))


def decode(full_name: str, body: bytes | str) -> Message:
    """Read a body and lift it to its newest version. Raises KeyError for an unknown type, msgspec.ValidationError for a wrong body."""
    read = _READ.get(full_name)
    if read is None:
        read = _READ[full_name] = msgspec.json.Decoder(_BY_NAME[full_name].cls).decode
    message: Any = read(body)
    while (lift := getattr(message, "upcast", None)) is not None:
        message = lift()
    return message  # type: ignore[no-any-return]


_READ: dict[str, Callable[[bytes | str], Any]] = {}  # made once for each type


encode = msgspec.json.Encoder().encode
MAX_BODY = 64 * 1024  # bytes of an encoded message; anything larger is an object in storage, named by its SHA-256
