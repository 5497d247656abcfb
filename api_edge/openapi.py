"""OpenAPI 3.1, derived from the route tables and the Structs."""

import inspect
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from api_edge.errors import ProblemBody
from api_edge.handlers.commands import ETAGS, NO_VERSION, reader_of
from api_edge.http.bodies import path_names
from api_edge.routing import CommandRoute, QueryRoute, Route
from api_edge.schemas import Schema, Schemas
from api_edge.stream.sse import SCOPE as FEED_SCOPE
from contracts.message import MessageType, all_types, answers_of
from contracts.positions import PATTERN

_KEY = {"minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
_NAME = {"type": "string", "pattern": "^[A-Za-z0-9._~=-]+$"}
_CURSOR = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}
_LINK = {"schema": {"type": "string"}}
_OTHERWISE: list[Schema] = [{"other": []}]


class Accepted(msgspec.Struct):
    """The body of a 202."""

    operation: str
    state: Literal["pending"]


_EMPTY = (
    ". A page looks at a bounded number of rows: one without any row may still have a `next_cursor`, which names the position that it "
    "reached; the list ends where it is null"
)
_ABOUT = """Turns templates into videos. Every change is a command: it is answered when it is done (200 or 201), or
with `Prefer: respond-async`, or after 5 seconds (`Prefer: wait=N`), with 202 and the address of its operation. Send an
`Idempotency-Key` with every POST: the same key with the same request is carried out once, however often it is sent within 30 days; a
repeat is told what the first was, with `Idempotent-Replayed: true`. A key belongs to the API key that sends it and to one route.
Errors are problems (RFC 9457): see /docs/errors. What an answer's schema names is always there; what a field may be can grow."""

_FEED = """`id` is a log position, `event` a type, `data` JSON {id, type, time, correlation, causation, data}.
With `Last-Event-ID` the stream goes on behind that position without a gap; 410 `log.restored` says from where to begin when the log was
restored from a backup since (positions are `<epoch>.<position>` from then on). Progress has no id: it is never repeated."""


def document(commands: Sequence[CommandRoute], queries: Sequence[QueryRoute], version: str) -> Schema:
    """The whole document."""
    events = [entry for entry in all_types() if entry.public]
    told = [one for command in commands for one in told_by(command)]
    bodies = [body for command in commands if (body := _body(command))]
    told += [*(query.row for query in queries), ProblemBody, Accepted]
    schemas = Schemas(given=bodies, events=(entry.cls for entry in events), told=told)
    paths: dict[str, Schema] = {}
    for command in commands:
        paths.setdefault(command.path, {})[command.method.lower()] = _command(command, schemas)
    for query in queries:
        paths.setdefault(query.path, {})[query.method.lower()] = _query(query, schemas)
    paths["/v1/events"] = {"get": _events(events, schemas)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "FlatRender", "version": version, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"header": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, `fr1_…`"},
                "header": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "other": {"type": "http", "scheme": "bearer", "description": "A join token or a node's secret, as the summary says"},
            },
        },
    }


def _body(route: CommandRoute) -> type[msgspec.Struct] | None:
    body = reader_of(route).body_type
    return body if msgspec.structs.fields(body) else None


def told_by(route: CommandRoute) -> tuple[Any, ...]:
    """The types of what a route's caller is told: first once it is done, last where it was a dry run."""
    return (route.told,) if route.told else answers_of(route.command)


def _command(route: CommandRoute, schemas: Schemas) -> Schema:
    parameters = [
        *_path(route),
        _header("Idempotency-Key", "1 to 255 visible ASCII characters; makes repeating safe for 30 days, on one route", **_KEY),
        _header("Prefer", "`respond-async`, or `wait=N` seconds (at most 30)"),
    ]
    if (names := path_names(route.path)) and names[-1] not in NO_VERSION:
        parameters.append(_header("If-Match", "An ETag: 412 `request.precondition` when it has changed since", pattern=ETAGS))
    told = told_by(route)
    answers = {str(route.answers): _done("Done", schemas.of(told[0]))}
    if route.dry_run:
        parameters.append(_parameter("dry_run", "Only check: nothing is kept", {"type": "boolean"}))
        answers["200"] = _done("What a dry run found", schemas.of(told[-1]))
    described = _described(route, parameters, {**answers, "202": _accepted(schemas)}, schemas)
    described["description"] = f"{inspect.getdoc(route.command)}{_scope(route)}"
    if body := _body(route):
        needed = any(field.required for field in msgspec.structs.fields(body))
        described["requestBody"] = {"required": needed, "content": {"application/json": {"schema": schemas.of(body)}}}
    return described


def _done(about: str, schema: Schema) -> Schema:
    return {
        "description": about,
        "headers": {
            "Content-Location": {"description": "The operation", **_LINK},
            "Idempotent-Replayed": {"description": "`true` when the same key did it before", **_LINK},
        },
        "content": {"application/json": {"schema": schema}},
    }


def _accepted(schemas: Schemas) -> Schema:
    return {
        "description": "Accepted; what becomes of it stands at `Location`",
        "headers": {"Location": _LINK, "Retry-After": {"schema": {"type": "integer"}}},
        "content": {"application/json": {"schema": schemas.of(Accepted)}},
    }


def _query(route: QueryRoute, schemas: Schemas) -> Schema:
    parameters = [*_path(route), *(_parameter(name, "From which part on", {"type": "integer", "minimum": 1}) for name in route.reads)]
    schema = schemas.of(route.row)
    if not route.one:
        parameters += [
            _parameter("limit", "Rows of a page, 1 to 500; 50 unless said", {"type": "integer", "minimum": 1, "maximum": 500}),
            _parameter("cursor", f"`next_cursor` of the page before{_EMPTY if route.walk or route.bounded else ''}", _CURSOR),
            *(_parameter(name, "Only such rows", one.schema) for name, one in route.filters.items()),
        ]
        schema = schemas.page(route.row)
    found = {
        "description": "Found",
        "headers": {"X-Log-Position": {"description": "The log position that this reflects", **_LINK}},
        "content": {"application/json": {"schema": schema}},
    }
    described = _described(route, parameters, {"200": found}, schemas)
    described["description"] = f"{inspect.getdoc(route.row)}{_scope(route)}"
    return described


def _described(route: Route, parameters: list[Schema], answers: Schema, schemas: Schemas) -> Schema:
    name = route.command.__name__ if isinstance(route, CommandRoute) else route.query
    return {
        "operationId": f"{route.method.lower()}_{name}",
        "summary": route.summary,
        "tags": [route.path.split("/")[2]],
        "parameters": parameters,
        "responses": {**answers, "default": _problem(schemas)},
        "security": _security(route.scope) if route.admit is None else _OTHERWISE,
    }


def _problem(schemas: Schemas) -> Schema:
    return {
        "description": "A problem (RFC 9457); `code` tells which",
        "content": {"application/problem+json": {"schema": schemas.of(ProblemBody)}},
    }


def _security(scope: str) -> list[Schema]:
    """Who may ask: with an API key, which has the scope where there is one."""
    return [{way: [scope] if scope else []} for way in ("bearer", "header")]


def _scope(route: Route) -> str:
    return f"\n\nScope: `{route.scope}`." if route.scope else ""


def _path(route: Route) -> list[Schema]:
    odd = route.params if isinstance(route, QueryRoute) else route.texts
    kinds = {name: _NAME if name in odd else {"type": "string", "format": "uuid"} for name in path_names(route.path)}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name, schema in kinds.items()]


def _header(name: str, about: str, **bounds: Any) -> Schema:
    return {"name": name, "in": "header", "description": about, "schema": {"type": "string", **bounds}}


def _parameter(name: str, about: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": about, "schema": schema}


def _events(events: Sequence[MessageType], schemas: Schemas) -> Schema:
    schemas.events("FeedEvent", events)
    names = ", ".join(f"`{name}`" for name in sorted(entry.name for entry in events))
    return {
        "operationId": "get_events",
        "summary": "Follow what happens, as server-sent events",
        "tags": ["events"],
        "description": f"{_FEED} What `data` holds is a `FeedEvent`.\n\nTypes: {names}.\n\nScope: `{FEED_SCOPE}`.",
        "parameters": [
            _header("Last-Event-ID", "The last id that was received", pattern=PATTERN),
            _parameter("after", "The same, for clients that cannot set the header", {"type": "string", "pattern": PATTERN}),
            _parameter("types", "Prefixes of types, by comma, e.g. `render.job.`", {"type": "string"}),
            _parameter("job_id", "Only events of this render, from its first on until it ends", {"type": "string", "format": "uuid"}),
        ],
        "security": _security(FEED_SCOPE),
        "responses": {
            "200": {"description": "The stream", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            "default": _problem(schemas),
        },
    }
