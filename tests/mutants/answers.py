"""What commands answer and rows hold is what their types say, as checks, and what breaks them."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, get_args, get_origin
from unittest.mock import patch

import msgspec

from api_edge import openapi, schemas
from api_edge.errors import Refused
from api_edge.handlers.queries import QueryHandler
from api_edge.http import bodies
from api_edge.routes import COMMANDS, QUERIES
from contracts.message import type_of
from contracts.render.jobs import CancelJob, JobPaused
from contracts.studio.renders import RequestRender
from tests.house import test_messages
from tests.mutants.checks import hold

Mutation = Callable[[], AbstractContextManager[Any]]


def what_breaks_a_bound_is_refused() -> None:
    """A value outside the bounds of its field does not come to its domain."""
    bodies.strict.cache_clear()
    reader = bodies.BodyReader(RequestRender, (), "Bounded")
    bodies.strict.cache_clear()
    for body in ({"priority": 101}, {"width": 17}, {"scenes": [{"scene": "a", "speed": 99}]}, {"colours": {"a": "red"}}):
        try:
            reader.check(json.dumps(body).encode())
        except Refused:
            continue
        hold(False, f"{body} is taken")


def bounds_are_forgotten() -> Any:
    """The edge reads bodies by types without their bounds."""
    strict = bodies.strict

    def loose(kind: Any, *rest: Any) -> Any:
        return strict(get_args(kind)[0] if get_origin(kind) is not None and hasattr(kind, "__metadata__") else kind, *rest)

    loose.cache_clear = strict.cache_clear  # type: ignore[attr-defined]
    return patch.object(bodies, "strict", loose)


def every_row_has_all_its_fields() -> None:
    """A client that was told a field is always there finds it."""
    for route in QUERIES:
        given = {field.name: None for field in msgspec.structs.fields(route.row) if field.required}
        (row,) = QueryHandler(route)._whole([given])
        hold(set(row) == set(route.row.__struct_fields__), f"{route.query}: {set(route.row.__struct_fields__) - set(row)} are not there")


def rows_lack_what_nobody_added() -> Any:
    """A row is given as it was found."""
    return patch.object(QueryHandler, "_whole", lambda self, rows: rows)


def what_is_always_there_is_required() -> None:
    """The description says so of every field of every row and answer."""
    described = openapi.document(COMMANDS, QUERIES, "0")["components"]["schemas"]
    for route in QUERIES:
        schema = described[route.row.__name__]
        hold(set(schema["required"]) == set(schema["properties"]), f"{route.row.__name__} has optional fields")


def fields_with_a_default_are_optional() -> Any:
    """A default is taken for a field that may be missing."""
    return patch.object(schemas, "structs", lambda kinds: iter(()))


def generators_understand_the_description() -> None:
    """No array says that its items are nothing."""
    hold(b'"items":false' not in msgspec.json.encode(openapi.document(COMMANDS, QUERIES, "0")), "an array has no items")


def arrays_are_described_as_msgspec_does() -> Any:
    """Schemas are given as they come."""
    return patch.object(schemas, "_plain", lambda schema: schema)


def a_decider_answers_what_its_command_says() -> None:
    """The type that a command names is the one that its decider is checked against."""
    for command, decide in test_messages.DECIDERS.values():
        told = test_messages.annotations_of(decide)
        hold(issubclass(command, told[0]) and told[1] == test_messages.answer_of(command), f"{decide.__name__} answers {told[1]}")


def a_decider_answers_something_else() -> Any:
    """One is written for another type of body."""
    _, cancel = test_messages.DECIDERS[type_of(CancelJob).full_name]
    return patch.dict(cancel.__annotations__, {"return": test_messages.runtime.Decision[JobPaused]})


RED: list[tuple[Callable[[], None], Mutation]] = [
    (what_breaks_a_bound_is_refused, bounds_are_forgotten),
    (every_row_has_all_its_fields, rows_lack_what_nobody_added),
    (what_is_always_there_is_required, fields_with_a_default_are_optional),
    (generators_understand_the_description, arrays_are_described_as_msgspec_does),
    (a_decider_answers_what_its_command_says, a_decider_answers_something_else),
]
