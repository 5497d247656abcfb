"""The generated references: JSON Schema and AsyncAPI of every message, and the catalogue of public events."""

from collections.abc import Iterable, Iterator
from inspect import cleandoc
from typing import Any, get_args

import msgspec

from contracts.catalogue.subjects import stream_of
from contracts.envelope import Envelope
from contracts.message import Kind, MessageType, all_types
from contracts.visibility import Visibility, markers, visible

Json = dict[str, Any]
_SCOPES = {Kind.COMMAND: "tenant", Kind.EVENT: "tenant", Kind.REPORT: "node", Kind.WORK: "node", Kind.TICK: "scope"}
_HEADERS = ("ce-id", "ce-type", "ce-source", "ce-time", "ce-tenant", "ce-actor", "ce-correlation", "ce-causation")
_OPTIONAL_HEADERS = ("ce-request", "ce-reply", "ce-if-match", "ce-dryrun", "traceparent")

_ABOUT = "Every message of the product. Tenants are told of those with the tag `public`, without fields that have an `x-visibility`. "


def json_schema() -> Json:
    """One JSON Schema (2020-12) document; `$defs` holds every message and every part of one, by class name."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "flatrender-messages",
        "title": "FlatRender messages",
        "$defs": _schemas("#/$defs/{name}"),
    }


def asyncapi() -> Json:
    """An AsyncAPI 3.0 document of every message with its channel."""
    types = list(all_types())
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "FlatRender", "version": "1", "description": _ABOUT + (Envelope.__doc__ or "")},
        "defaultContentType": "application/json",
        "channels": {entry.full_name: _channel(entry) for entry in types},
        "operations": {entry.full_name: _operation(entry) for entry in types},
        "components": {
            "messages": {entry.full_name: _message(entry) for entry in types},
            "messageTraits": {"envelope": {"headers": _headers()}},
            "schemas": _schemas("#/components/schemas/{name}"),
        },
    }


def webhook_catalogue() -> list[Json]:
    """The events that tenants may receive, each with its type, meaning and schema, by name."""
    public = [entry for entry in all_types() if entry.public and entry.kind is Kind.EVENT]
    return [
        {"type": f"{entry.name}.v{entry.version}", "description": _about(entry), "schema": msgspec.json.schema(visible(entry.cls))}
        for entry in public
    ]


def _schemas(template: str) -> Json:
    _, components = msgspec.json.schema_components([entry.cls for entry in all_types()], ref_template=template)
    for cls in structs(entry.cls for entry in all_types() if entry.public):
        _say_who(components[cls.__name__], cls)
    return dict(sorted(components.items()))


def _say_who(schema: Json, cls: type[msgspec.Struct]) -> None:
    """Mark in an object's schema what no exit shows."""
    for name, marker in markers(cls).items():
        if marker is not Visibility.PUBLIC and "properties" in schema:
            schema["properties"][name] = {"x-visibility": marker.name.lower(), **schema["properties"][name]}


def structs(kinds: Iterable[Any]) -> Iterator[type[msgspec.Struct]]:
    """Every Struct among some types and, directly or not, in their fields; each once."""
    seen: set[type[msgspec.Struct]] = set()
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            waiting += get_args(kind)
        elif kind not in seen:
            seen.add(kind)
            yield kind
            waiting += [field.type for field in msgspec.structs.fields(kind)]


def _channel(entry: MessageType) -> Json:
    scope = _SCOPES[entry.kind]
    about = {"tenant": "The tenant's UUID.", "node": "The node's UUID.", "scope": "The UUID of a node or a tenant."}[scope]
    stored = stream_of(entry)
    return {
        "address": entry.subject(f"{{{scope}}}"),
        "description": f"Stored by the stream {stored}." if stored else "Core NATS: lossy, never stored.",
        "parameters": {scope: {"description": about}},
        "messages": {"message": {"$ref": f"#/components/messages/{entry.full_name}"}},
    }


def _operation(entry: MessageType) -> Json:
    """Seen from the product: it sends events, work and progress, and receives commands, reports and nodes' ticks."""
    received = entry.kind in (Kind.COMMAND, Kind.REPORT) or (entry.kind is Kind.TICK and entry.domain == "node")
    channel = f"#/channels/{entry.full_name}"
    return {
        "action": "receive" if received else "send",
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/message"}],
    }


def _message(entry: MessageType) -> Json:
    return {
        "name": entry.full_name,
        "title": entry.cls.__name__,
        "summary": _about(entry),
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{entry.cls.__name__}"},
        "traits": [] if entry.kind is Kind.TICK else [{"$ref": "#/components/messageTraits/envelope"}],
        "tags": [{"name": entry.domain}, *([{"name": "public"}] if entry.public else [])],
    }


def _headers() -> Json:
    properties = {name: {"type": "string"} for name in (*_HEADERS, *_OPTIONAL_HEADERS)}
    return {"type": "object", "required": list(_HEADERS), "properties": properties}


def _about(entry: MessageType) -> str:
    return cleandoc(entry.cls.__doc__ or "")
