"""Which tables an event's projection writes, and which states it sets: read from the declaration, or from the function's source."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import partial
from typing import Any, get_args, get_type_hints

import msgspec

from consumers.runtime import projection
from consumers.runtime.table import Table
from contracts.message import Event


class Touch(msgspec.Struct, frozen=True):
    """A table that an event writes; `states` is what its column `state` becomes, empty when it stays."""

    table: Table[Any]
    new: bool
    states: tuple[str, ...] = ()


def touches(write: Any, event: type[Event]) -> list[Touch]:
    """What this write does with this event, each table and state once."""
    return list(dict.fromkeys(_of(write, event)))


def _of(write: Any, event: type[Event]) -> Iterator[Touch]:
    if write is projection.nothing:
        return
    if write.__module__ != projection.__name__:
        yield from _written(write, event)
        return
    given = inspect.getclosurevars(write).nonlocals
    for one in given.get("writes", ()):
        yield from _of(one, event)
    if "table" in given:
        new = not write.__qualname__.startswith("upsert.")
        yield Touch(given["table"], new, _declared(given["table"], event, given.get("constants", {}), new))


def _declared(table: Table[Any], event: type[Event], constants: dict[str, Any], new: bool) -> tuple[str, ...]:
    if "state" in constants:
        return (constants["state"],)
    if "state" in event.__struct_fields__ and "state" in table.fields:
        return _values(event, "state")
    return _first(table) if new else ()


def _first(table: Table[Any]) -> tuple[str, ...]:
    default = {field.name: field.default for field in msgspec.structs.fields(table.row)}.get("state")
    return (default,) if isinstance(default, str) else ()


def _values(event: type[Event], name: str) -> tuple[str, ...]:
    return tuple(get_args(get_type_hints(event)[name]))


def _written(write: Any, event: type[Event]) -> Iterator[Touch]:
    """Every `yield TABLE, fresh(…)` or `yield TABLE, moved(…, state=…)` of a projection that is a function; one for several tables has
    a TABLE_OF each event, or is given its table, and one may leave the rest to each of many, `yield from MANY[…].name(…)`."""
    given: dict[str, Any] = {}
    if isinstance(write, partial):
        given, write = dict(zip(inspect.signature(write.func).parameters, write.args, strict=False)), write.func
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(write)))):
        match node:
            case ast.Yield(value=ast.Tuple(elts=[ast.Name(id=name), ast.Call(func=ast.Name(id=made), keywords=keywords)])):
                table = given.get(name) or write.__globals__.get(name) or write.__globals__["TABLE_OF"][event]
                said = next((word.value for word in keywords if word.arg == "state"), None)
                yield Touch(table, made == "fresh", _said(said, event) or (_first(table) if made == "fresh" else ()))
            case ast.YieldFrom(value=ast.Call(func=ast.Attribute(value=ast.Subscript(value=ast.Name(id=many)), attr=name))):
                for one in write.__globals__[many].values():
                    yield from _of(getattr(one, name), event)


def _said(node: ast.expr | None, event: type[Event]) -> tuple[str, ...]:
    match node:
        case ast.Constant(value=str(state)):
            return (state,)
        case ast.Attribute(value=ast.Name(id="event"), attr=name):
            return _values(event, name)
    return ()
