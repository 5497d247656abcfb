"""The shape of the code: small modules that say what they are, import in no circle, and decide without touching the world."""

import ast
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from deploy.domains import all_domains
from tests.support.circles import circles

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("adapters", "api_edge", "cli", "consumers", "contracts", "deploy", "node_worker", "producers", "simulation", "sql", "templates")
FILES = sorted(file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py"))
LONGEST, LONGEST_FUNCTION = 400, 60
Function = ast.FunctionDef | ast.AsyncFunctionDef
# What a decider or a projection would need for a clock, for chance, or for the world.
WORLD = {
    *("adapters", "sql", "aioboto3", "aiohttp", "asyncpg", "nats"),
    *("asyncio", "os", "pathlib", "random", "secrets", "socket", "time", "urllib"),
}
CHANCE = {"uuid1", "uuid4", "now", "utcnow", "today"}  # of modules that are needed for their types


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def test_modules_are_small() -> None:
    sizes = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert {name: size for name, size in sizes.items() if size > LONGEST} == {}


def test_functions_are_short() -> None:
    found = {}
    for file in FILES:
        for node in ast.walk(parsed(file)):
            if isinstance(node, Function) and node.end_lineno and (size := node.end_lineno - node.lineno + 1) > LONGEST_FUNCTION:
                found[f"{file.relative_to(ROOT)}:{node.name}"] = size
    assert found == {}


def test_every_module_says_what_it_is() -> None:
    silent = [str(file.relative_to(ROOT)) for file in FILES if parsed(file).body and not ast.get_docstring(parsed(file))]
    assert silent == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles({module_of(file): parsed(file) for file in FILES}) == []


def test_circles_are_found_wherever_their_imports_stand() -> None:
    trees = {
        "a": ast.parse("from b import one"),
        "b": ast.parse("def late():\n    import c.d"),
        "c": ast.parse(""),
        "c.d": ast.parse("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import Two"),
        "e": ast.parse("from a import one\nfrom c import d"),
    }
    assert circles(trees) == [["a", "b", "c.d"]]


def test_what_decides_and_what_projects_reaches_for_no_world_no_clock_and_no_chance() -> None:
    files = {Path(inspect.getfile(one)) for domain in all_domains() for one in pure(domain)}
    ours = {file for file in files if file.is_relative_to(ROOT / "consumers") and not file.is_relative_to(ROOT / "consumers/runtime")}
    assert len(ours) > 10
    assert {str(file.relative_to(ROOT)): found for file in sorted(ours) if (found := reached(parsed(file)))} == {}


def pure(domain: Any) -> Iterator[Callable[..., Any]]:
    """What of a domain has to be a function of what it is given: effects alone are not, nor what makes them out of rows."""
    for one in domain.reacts:
        yield inspect.unwrap(getattr(one, "make", None) or one.write)
    for makers in domain.timers.values():
        yield from map(inspect.unwrap, makers)
    for decide_or_write in (*domain.decides.values(), *domain.writes.values(), *domain.costs.values()):
        yield inspect.unwrap(decide_or_write)


def reached(tree: ast.Module) -> list[str]:
    """What a module takes that a decider must not."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.partition(".")[0] in WORLD}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} if (node.module or "").partition(".")[0] in WORLD else set()
            found |= {name.name for name in node.names if name.name in CHANCE}
        elif isinstance(node, ast.Attribute) and node.attr in CHANCE and not (isinstance(node.value, ast.Name) and node.value.id == "ctx"):
            found.add(ast.unparse(node))
    return sorted(found)


def module_of(file: Path) -> str:
    """A file's dotted name."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_test_files_have_names_of_their_own() -> None:
    # pytest imports files of folders without __init__.py by their bare names.
    names = [file.name for file in (ROOT / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
