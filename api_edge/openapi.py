"""OpenAPI 3.1, derived from the route tables and the Structs."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from api_edge.bodies import path_names
from api_edge.commands import reader_of
from api_edge.errors import ProblemBody
from api_edge.routing import CommandRoute, QueryRoute, Route
from api_edge.sse import SCOPE as FEED_SCOPE
from contracts.message import Event, all_types

_REF = "#/components/schemas/{name}"
_PROBLEM = {
    "description": "A problem (RFC 9457); `code` tells which",
    "content": {"application/problem+json": {"schema": {"$ref": _REF.format(name="ProblemBody")}}},
}
_ACCEPTED = {
    "description": "Accepted; what becomes of it stands at `Location`",
    "headers": {"Location": {"schema": {"type": "string"}}, "Retry-After": {"schema": {"type": "integer"}}},
    "content": {"application/json": {"schema": {"$ref": _REF.format(name="Accepted")}}},
}
_INTERNAL = frozenset({"object_key", "storage_id"})

Schema = dict[str, Any]
_OTHERWISE: list[Schema] = [{"other": []}]


class Accepted(msgspec.Struct):
    """The body of a 202."""

    operation: str
    state: str = "pending"


_EMPTY = (
    ". A page looks at a bounded number of rows: one without any row may still have a `next_cursor`, which names the position that it "
    "reached; the list ends where it is null"
)


def document(commands: Sequence[CommandRoute], queries: Sequence[QueryRoute], version: str) -> Schema:
    """The whole document."""
    bodies = {id(route): _body_type(route) for route in commands}
    events = [entry.cls for entry in all_types() if entry.public and issubclass(entry.cls, Event)]
    types: list[Any] = [*(body for body in bodies.values() if body), *{route.row for route in queries}, ProblemBody, Accepted]
    refs, components = msgspec.json.schema_components(_unique([*types, *events]), ref_template=_REF)
    by_type = dict(zip(_unique([*types, *events]), refs, strict=True))
    _drop_internal(components)
    paths: dict[str, Schema] = {}
    for command in commands:
        paths.setdefault(command.path, {})[command.method.lower()] = _command(command, by_type.get(bodies[id(command)]))
    for query in queries:
        paths.setdefault(query.path, {})[query.method.lower()] = _query(query, by_type[query.row])
    paths["/v1/events"] = {"get": _events(events)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "FlatRender", "version": version, "description": _ABOUT},
        "security": [{"bearer": []}, {"header": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, `fr1_…`"},
                "header": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "other": {"type": "http", "scheme": "bearer", "description": "A join token or a node's secret, as the summary says"},
            },
        },
    }


_ABOUT = """Turns templates into videos. Every change is a command: it is answered when it is done (200 or 201), or
with `Prefer: respond-async`, or after 5 seconds (`Prefer: wait=N`), with 202 and the address of its operation. Send an
`Idempotency-Key` with every POST: the same key with the same request is carried out once, however often it is sent within 30 days; a
repeat is told what the first was, with `Idempotent-Replayed: true`. A key belongs to the API key that sends it and to one route.
Errors are problems (RFC 9457): see /docs/errors."""

_FEED = """`id` is a log position, `event` a type, `data` JSON {id, type, time, correlation, causation, data}.
With `Last-Event-ID` the stream goes on behind that position without a gap; 410 `log.restored` says from where to begin when the log was
restored from a backup since (positions are `<epoch>.<position>` from then on). Progress has no id: it is never repeated."""


def _unique(types: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(types))


def _body_type(route: CommandRoute) -> Any:
    body = reader_of(route).body_type
    return body if msgspec.structs.fields(body) else None


def _drop_internal(components: dict[str, Schema]) -> None:
    for name, schema in components.items():
        if name.endswith("Row"):
            for field in _INTERNAL & schema.get("properties", {}).keys():
                del schema["properties"][field]
                schema["required"] = [each for each in schema["required"] if each != field]


def _command(route: CommandRoute, body: Schema | None) -> Schema:
    parameters = [
        *_path(route),
        _header("Idempotency-Key", "1 to 255 visible ASCII characters; makes repeating safe for 30 days, on one route"),
        _header("Prefer", "`respond-async`, or `wait=N` seconds (at most 30)"),
    ]
    if route.dry_run:
        parameters.append(_parameter("dry_run", "Only check: nothing is kept", {"type": "boolean"}))
    done = {
        "description": "Done",
        "headers": {"Idempotent-Replayed": {"description": "`true` when the same key did it before", "schema": {"type": "string"}}},
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    described = _described(route, parameters, {str(route.answers): done, "202": _ACCEPTED})
    described["description"] = f"{inspect.getdoc(route.command)}{_scope(route)}"
    if body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return described


def _query(route: QueryRoute, row: Schema) -> Schema:
    parameters = [*_path(route), *(_parameter(name, "From which part on", {"type": "integer", "minimum": 1}) for name in route.reads)]
    schema: Schema = row
    if not route.one:
        parameters += [
            _parameter("limit", "Rows of a page, 1 to 500; 50 unless said", {"type": "integer", "minimum": 1, "maximum": 500}),
            _parameter("cursor", f"`next_cursor` of the page before{_EMPTY if route.walk or route.bounded else ''}", {"type": "string"}),
            *(_parameter(name, "Only such rows", {"type": "string"}) for name in route.filters),
        ]
        schema = {
            "type": "object",
            "properties": {"data": {"type": "array", "items": row}, "next_cursor": {"type": ["string", "null"]}},
            "required": ["data", "next_cursor"],
        }
    found = {
        "description": "Found",
        "headers": {"X-Log-Position": {"description": "The log position that this reflects", "schema": {"type": "string"}}},
        "content": {"application/json": {"schema": schema}},
    }
    described = _described(route, parameters, {"200": found})
    described["description"] = f"{inspect.getdoc(route.row)}{_scope(route)}"
    return described


def _described(route: Route, parameters: list[Schema], answers: Schema) -> Schema:
    name = route.command.__name__ if isinstance(route, CommandRoute) else route.query
    return {
        "operationId": f"{route.method.lower()}_{name}",
        "summary": route.summary,
        "tags": [route.path.split("/")[2]],
        "parameters": parameters,
        "responses": {**answers, "default": _PROBLEM},
        "security": _security(route.scope) if route.admit is None else _OTHERWISE,
    }


def _security(scope: str) -> list[Schema]:
    """Who may ask: with an API key, which has the scope where there is one."""
    return [{way: [scope] if scope else []} for way in ("bearer", "header")]


def _scope(route: Route) -> str:
    return f"\n\nScope: `{route.scope}`." if route.scope else ""


def _path(route: Route) -> list[Schema]:
    odd = route.params if isinstance(route, QueryRoute) else route.texts
    kinds = {name: {"type": "string"} if name in odd else {"type": "string", "format": "uuid"} for name in path_names(route.path)}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name, schema in kinds.items()]


def _header(name: str, about: str) -> Schema:
    return {"name": name, "in": "header", "description": about, "schema": {"type": "string"}}


def _parameter(name: str, about: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": about, "schema": schema}


def _events(events: list[Any]) -> Schema:
    names = sorted(entry.name for entry in all_types() if entry.public)
    return {
        "operationId": "get_events",
        "summary": "Follow what happens, as server-sent events",
        "tags": ["events"],
        "description": f"{_FEED}\n\nTypes: {', '.join(f'`{name}`' for name in names)}.\n\nScope: `{FEED_SCOPE}`.",
        "parameters": [
            _header("Last-Event-ID", "The last id that was received"),
            _parameter("after", "The same, for clients that cannot set the header", {"type": "integer"}),
            _parameter("types", "Prefixes of types, by comma, e.g. `render.job.`", {"type": "string"}),
            _parameter("job_id", "Only events of this render", {"type": "string", "format": "uuid"}),
        ],
        "security": _security(FEED_SCOPE),
        "responses": {
            "200": {"description": "The stream", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            "default": _PROBLEM,
        },
    }
