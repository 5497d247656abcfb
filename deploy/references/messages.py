"""docs/reference/messages.md: every message, who asks for it, who decides it, what it writes and who reacts."""

import importlib
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import msgspec

from api_edge.routes import COMMANDS
from consumers.runtime.domain import Domain
from consumers.runtime.reactions import Fold, Hearer, Reaction
from contracts.catalogue import stream_of, structs
from contracts.message import Command, Event, Kind, Message, MessageType, Report, Tick, all_types, answers_of, type_of
from deploy.domains import all_domains
from deploy.references.sources import HEAD, about, fields, place
from deploy.references.touches import touches

_MAKERS = {"deploy.bootstrap": "the first start of an installation"}
_SCOPES = {Kind.COMMAND: "<tenant>", Kind.EVENT: "<tenant>", Kind.TICK: "<node or tenant>"}
_ABOUT = f"""# Messages

{HEAD}
Bodies are JSON; who, when and why travel in headers (`contracts/envelope.py`). A field without a default must be there. The same as a
document for programs: [asyncapi.json](asyncapi.json).

A tenant is told of *public* events, in its feed and its log alike, and
of their fields that are public; a field without a word under `seen` is internal. What is public in another event is told by explanations
alone.
Operators read all events with `flatrender log`, but what is secret or a person's.
"""

Origins = dict[type[Command], list[str]]


def document() -> str:
    """The whole text."""
    domains = all_domains()
    origins = _origins(domains)
    types = list(all_types())
    parts = [_ABOUT]
    for domain in domains:
        parts.append(f"## {domain.name}\n")
        mine = [entry for entry in types if entry.domain == domain.name]
        parts += [_command(entry, domain, origins) for entry in mine if entry.kind in (Kind.COMMAND, Kind.REPORT)]
        parts += [_event(entry, domain, domains) for entry in mine if entry.kind is Kind.EVENT]
        parts += [_other(entry) for entry in mine if entry.kind is Kind.TICK]
    parts.append("## Sent to nodes, and heard from them\n")
    parts += [_other(entry) for entry in types if entry.domain == "node"]
    parts.append("## Parts of messages\n")
    parts += [f"### {cls.__name__}\n\n{about(cls)}\n\n{fields(cls)}" for cls in _parts(types)]
    return "\n".join(parts)


def _head(entry: MessageType) -> str:
    subject = entry.subject(_SCOPES.get(entry.kind, "<node>"))
    stream = stream_of(entry)
    way = f"stream {stream}" if stream else "core NATS, lossy"
    return f"### {entry.cls.__name__}\n\n{about(entry.cls)}\n\n`{subject}`, {way}{', public' if entry.public else ''}\n"


def _command(entry: MessageType, domain: Domain, origins: Origins) -> str:
    cls: Any = entry.cls
    asked = "a node" if issubclass(cls, Report) else "; ".join(origins.get(cls, []))
    lines = [f"- decided by {place(domain.decides[cls])}", f"- asked by {asked}"]
    lines += [f"- answers `{told.__name__}`: {_fields(told)}" for told in answers_of(cls)]
    return _joined(entry, lines)


def _fields(answer: type[msgspec.Struct]) -> str:
    return ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(answer))


def _event(entry: MessageType, domain: Domain, domains: list[Domain]) -> str:
    cls: Any = entry.cls
    lines = []
    if written := touches(domain.writes[cls], cls):
        lines.append("- writes " + ", ".join(dict.fromkeys(f"`{touch.table}`{' (new row)' if touch.new else ''}" for touch in written)))
    for other in domains:
        lines += [_heard(other, one) for one in other.reacts if cls in one.events]
    lines += [f"- effect: {about(maker)} ({place(maker)})" for maker in domain.makes.get(cls, ())]
    lines += [f"- timer: {about(timer)} ({place(timer)})" for timer in domain.timers.get(cls, ())]
    return _joined(entry, lines)


def _heard(domain: Domain, one: Hearer) -> str:
    if isinstance(one, Fold):
        return f"- {domain.name} learns (`{one.name}`): `{one.into}` by {place(one.write)}"
    return f"- {domain.name} reacts (`{one.name}`, history: {one.history}): {_names(one.make)} by {place(one.make)}"


def _other(entry: MessageType) -> str:
    return _joined(entry, [])


def _joined(entry: MessageType, lines: list[str]) -> str:
    return "\n".join(
        part
        for part in (_head(entry), "".join(f"{line}\n" for line in lines), fields(entry.cls, seen=issubclass(entry.cls, Event | Tick)))
        if part
    )


def _names(function: Callable[..., Any]) -> str:
    return ", ".join(f"`{type_of(cls).name}`" for cls in _made_by(function))


def _origins(domains: list[Domain]) -> Origins:
    """Where each command comes from, as far as declarations tell."""
    found: Origins = defaultdict(list)
    for route in COMMANDS:
        found[route.command].append(f"`{route.method} {route.path}`")
    for domain in domains:
        for one in domain.reacts:
            for cls in _made_by(one.make) if isinstance(one, Reaction) else ():
                found[cls] += [f"the reaction to `{type_of(event).name}`" for event in one.events]
            for cls in _made_by(one.formerly) if isinstance(one, Fold) and one.formerly is not None else ():
                found[cls].append("earlier releases")
        for event, timers in domain.timers.items():
            for cls in (cls for timer in timers for cls in _made_by(timer)):
                found[cls].append(f"a timer that `{type_of(event).name}` sets")
        for kind in domain.effects:
            for cls in dict.fromkeys(cls for told in (kind.run, kind.exhausted, kind.settled) for cls in _made_by(told)):
                found[cls].append(f"the effect `{kind.name}`")
        for service in domain.services:
            for cls in dict.fromkeys(cls for module in _loaded_by(service.start) for cls in _named_in(module)):
                found[cls].append(f"the service `{service.name}`")
    for name, maker in _MAKERS.items():
        for cls in _named_in(name):
            found[cls].append(maker)
    return found


def _loaded_by(function: Callable[..., Any]) -> list[str]:
    """The modules of its own domain that a function imports, by name."""
    home = function.__module__.rpartition(".")[0]
    return sorted(name for name in _global_names(function.__code__) if name.startswith(f"{home}."))


def _named_in(module: str) -> list[type[Command]]:
    """The commands that a module names."""
    return [value for value in vars(importlib.import_module(module)).values() if _is_command(value)]


def _is_command(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Command) and value is not Command


def _made_by(function: Callable[..., Any]) -> list[type[Command]]:
    """The commands that a function, or one of its module that it calls, names or was given."""
    return list(dict.fromkeys(_mentioned(function, set())))


def _mentioned(function: Any, seen: set[Any]) -> Iterator[Any]:
    seen.add(function)
    named = (function.__globals__.get(name) for name in sorted(_global_names(function.__code__)))
    for value in (*named, *inspect.getclosurevars(function).nonlocals.values()):
        if _is_command(value):
            yield value
        elif inspect.isfunction(value) and value.__module__ == function.__module__ and value not in seen:
            yield from _mentioned(value, seen)


def _global_names(code: CodeType) -> set[str]:
    """The names in a function's code, and in the comprehensions within it."""
    inner = [_global_names(const) for const in code.co_consts if isinstance(const, CodeType)]
    return set(code.co_names).union(*inner)


def _parts(types: list[MessageType]) -> list[type[msgspec.Struct]]:
    """Every Struct that messages hold, directly or not, by name."""
    parts = (cls for cls in structs(entry.cls for entry in types) if not issubclass(cls, Message))
    return sorted(parts, key=lambda cls: cls.__name__)
