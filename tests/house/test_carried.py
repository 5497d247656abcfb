"""What `carry` makes has every field that it needs, from its source or by name, of the same type: no type checker sees that."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from consumers.runtime.table import Table
from contracts import entity

ROOT = Path(__file__).resolve().parents[2]
FILES = [path for folder in ("consumers", "deploy", "api_edge") for path in sorted((ROOT / folder).rglob("*.py"))]


class Carried(msgspec.Struct):
    """One call: what it makes, of which Structs, and what is named besides."""

    where: str
    kind: type[msgspec.Struct]
    sources: tuple[type[msgspec.Struct], ...]
    more: frozenset[str]


def calls(path: Path) -> Iterator[Carried]:
    """Every `carry(Kind, source, …)` of a file."""
    text = path.read_text(encoding="utf-8")
    if "carry(" not in text:
        return
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    for function in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)):
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Name(id="carry"), args=[ast.Name(id=kind), ast.Name(id=source)], keywords=keywords):
                    more = frozenset(word.arg for word in keywords if word.arg)
                    yield Carried(f"{path.relative_to(ROOT)}:{node.lineno}", getattr(module, kind), structs(module, function, source), more)
                case ast.Call(func=ast.Name(id="carry")):
                    raise AssertionError(f"{path}:{node.lineno}: name what is carried and whence by plain names")


def structs(module: ModuleType, function: ast.FunctionDef, name: str) -> tuple[type[msgspec.Struct], ...]:
    """What a variable of a function may be: an annotated parameter, or what an annotated function or a table has answered."""
    hint = get_type_hints(getattr(module, function.name)).get(name)
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=ast.Call(func=called, args=args)) if found == name:
                tables = [table for arg in args if isinstance(arg, ast.Name) and isinstance(table := vars(module).get(arg.id), Table)]
                hint = tables[0].row if tables else get_type_hints(getattr(module, ast.unparse(called)))["return"]
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return tuple(part for part in parts if part is not type(None))


def wrong(carried: Carried) -> list[str]:
    """The fields that are forgotten, unknown, or of another type."""
    wanted = get_type_hints(carried.kind)
    found = [f"{name} is no field" for name in carried.more - wanted.keys()]
    for source in carried.sources:
        given = get_type_hints(source)
        for name in wanted.keys() - carried.more:
            if name not in given:
                found.append(f"{source.__name__} has no {name}")
            elif not fits(given[name], wanted[name]):
                found.append(f"{name} is {given[name]} in {source.__name__}, {wanted[name]} in {carried.kind.__name__}")
    return found


def fits(given: Any, wanted: Any) -> bool:
    """Whether a value of one type is one of the other: the same, or of a Struct that was derived of it, in every container."""
    if isinstance(given, type) and isinstance(wanted, type):
        return issubclass(given, wanted)
    parts, others = get_args(given), get_args(wanted)
    alike = get_origin(given) == get_origin(wanted) and len(parts) == len(others) > 0 and get_origin(given) is not Literal
    return given == wanted or (alike and all(map(fits, parts, others)))


CALLS = [carried for path in FILES for carried in calls(path)]


@pytest.mark.parametrize("carried", CALLS, ids=lambda carried: carried.where)
def test_what_is_carried_over_is_there_and_of_the_same_type(carried: Carried) -> None:
    assert wrong(carried) == []


def test_what_is_forgotten_unknown_or_of_another_type_is_noticed() -> None:
    class Source(msgspec.Struct):
        same: int
        other: int

    class Made(msgspec.Struct):
        same: int
        other: str
        forgotten: Any = None

    told = wrong(Carried("here", Made, (Source,), frozenset({"unknown"})))
    assert sorted(line.partition(" ")[0] for line in told) == ["Source", "other", "unknown"]
    assert CALLS and inspect.isfunction(entity.carry)
