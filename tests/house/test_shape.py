"""The shape of the code: small modules that say what they are, import in no circle, and decide without touching the world."""

import ast
import inspect
from collections.abc import Callable, Iterator
from functools import cache, partial
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
    written: dict[Path, set[str]] = {}
    for file, name in (home(one) for domain in all_domains() for one in pure(domain)):
        if file.is_relative_to(ROOT / "consumers") and not file.is_relative_to(ROOT / "consumers/runtime"):
            written.setdefault(file, set()).add(name)
    assert len(written) > 10
    found = {str(file.relative_to(ROOT)): taken for file, names in written.items() if (taken := reached(parsed(file), names))}
    assert found == {}


def test_what_a_decider_must_not_take_is_found_in_what_it_calls_too() -> None:
    tree = ast.parse(
        "import random\nfrom datetime import datetime\nfrom sql import load\n_q = load('x')\n"
        "def decide(cmd, view, ctx):\n    return [ctx.now, one()]\ndef one():\n    return random.random()\n"
        "def project(event):\n    return datetime.now()\ndef carry_out():\n    return _q.statement\ndef fetch():\n    return carry_out()\n"
    )
    assert [reached(tree, {name}) for name in ("decide", "project", "fetch")] == [["random"], ["datetime.now"], ["load"]]
    tree = ast.parse(
        "import sql\n_q = sql.load('x')\nTEXT = Kind(found=Results(_q.next))\nSTORE = Store(_q)\n"
        "def decide(cmd):\n    return TEXT.name\ndef project(event):\n    return STORE.rows\n"
    )
    assert [reached(tree, {name}) for name in ("decide", "project")] == [[], ["sql"]]


def pure(domain: Any) -> Iterator[Callable[..., Any]]:
    """What of a domain has to be a function of what it is given: effects alone are not, nor what makes them out of rows."""
    for one in domain.reacts:
        yield getattr(one, "make", None) or one.write
    for makers in domain.timers.values():
        yield from makers
    yield from (*domain.decides.values(), *domain.writes.values(), *domain.costs.values())


def home(one: Callable[..., Any]) -> tuple[Path, str]:
    """The file that a function stands in and its name there, or that of the one which makes it, however it is wrapped."""
    one = inspect.unwrap(one)
    while isinstance(one, partial):
        one = inspect.unwrap(one.func)
    one = one if inspect.isroutine(one) else type(one)
    return Path(inspect.getfile(one)), one.__qualname__.partition(".")[0]


def reached(tree: ast.Module, names: set[str]) -> list[str]:
    """What these functions of a module, and those of it that they call, take of what a decider must not."""
    taken: dict[str, str] = {}  # a module's names for parts of the world, and what is made of them at its top
    known = {node.name: node for node in tree.body if isinstance(node, Function | ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            for name in node.names:
                if (module or name.name).partition(".")[0] in WORLD or name.name in CHANCE:
                    taken[name.asname or name.name.partition(".")[0]] = name.name
        elif isinstance(node, ast.Assign) and (of := {taken[name] for name in made_of(node.value) if name in taken}):
            taken |= {target.id: min(of) for target in node.targets if isinstance(target, ast.Name)}
    found, seen, waiting = set(), set(names), [name for name in names if name in known]
    while waiting:
        for node in ast.walk(known[waiting.pop()]):
            chance = isinstance(node, ast.Attribute) and node.attr in CHANCE and ast.unparse(node.value) != "ctx"
            if chance or isinstance(node, ast.Import | ast.ImportFrom):
                found.add(ast.unparse(node))
            elif isinstance(node, ast.Name) and node.id in taken:
                found.add(taken[node.id])
            elif isinstance(node, ast.Name) and node.id in known and node.id not in seen:
                seen.add(node.id)
                waiting.append(node.id)
    return sorted(found)


def made_of(value: ast.AST, *, given: bool = False) -> Iterator[str]:
    """The names that a value is made of; a statement that is only handed on by its name (`Results(following=_q.next)`) is a text."""
    if isinstance(value, ast.Name):
        yield value.id
    elif not (given and isinstance(value, ast.Attribute)):
        for part in ast.iter_child_nodes(value):
            yield from made_of(part, given=given or (isinstance(value, ast.Call) and part is not value.func))


def module_of(file: Path) -> str:
    """A file's dotted name."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_test_files_have_names_of_their_own() -> None:
    # pytest imports files of folders without __init__.py by their bare names.
    names = [file.name for file in (ROOT / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
