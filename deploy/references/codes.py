"""docs/reference/codes.md: every code that a problem, a failed render, a rejected file or a warning may have, from where it is said."""

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from api_edge.errors import meaning_of
from consumers.runtime.domain import not_unique
from consumers.runtime.rules import missing
from consumers.runtime.table import Table
from deploy.references.sources import HEAD, table

_SAID_BY = frozenset({"refuse", "Refused", "problem", "unknown", "Problem"})
_FOUND_BY = frozenset({"TemplateRefused", "PartFailed", "_refuse"})
_WARNED_BY = frozenset({"Warning", "report", "tell", "_warn"})
_FILLED = re.compile(r"\{\w+\}")
_CODE = re.compile(r"[a-z][a-z_0-9]*\.[a-z_0-9]+")
_ABOUT = f"""# Codes

{HEAD}
What the codes mean and what to do: [errors](../errors.md). `…` stands for what the problem is about. What an id names and is not there is
`<name>.not_found`, by the id's own name, from every route.
"""
_FOUND = """
## Of renders, files and templates

What nodes find; it stands in the `code` of a render, a snapshot, a file or a template.

"""
_WARNED = """
## Warnings

What is drawn, but not as it was meant; [where they are told](../guides/rendering.md#warnings). A code of the part above is a warning too
where something else can be drawn instead.

"""
Said = tuple[str, str]  # a code, and how it is told


def document(root: Path) -> str:
    """The whole text."""
    told = [*_said(root, ("api_edge", "consumers"), _SAID_BY), *_by_rule(root)]
    found = [*_said(root, ("node_worker",), _FOUND_BY), *_listed(root, "node_worker/parts")]
    warned = [*_said(root, ("node_worker/engines",), _WARNED_BY), *_listed(root, "node_worker/engines")]
    rows = [(f"`{code}`", meaning_of(code).status, words) for code, words in _merged(told)]
    nodes, warnings = (table(("code", "told"), [(f"`{code}`", words) for code, words in _merged(said)]) for said in (found, warned))
    return f"{_ABOUT}\n{table(('code', 'status', 'told'), rows)}{_FOUND}{nodes}{_WARNED}{warnings}"


def _merged(said: list[Said]) -> list[Said]:
    """Each code once, with all the ways in which it is told."""
    ways: dict[str, dict[str, None]] = {}
    for code, words in said:
        ways.setdefault(code, {}).update({words: None} if words else {})
    return [(code, " / ".join(told)) for code, told in sorted(ways.items())]


def _said(root: Path, folders: tuple[str, ...], names: frozenset[str]) -> Iterator[Said]:
    for file in sorted(file for folder in folders for file in (root / folder).rglob("*.py")):
        yield from _in_calls(ast.parse(file.read_text(encoding="utf-8")), names)


def _listed(root: Path, folder: str) -> Iterator[Said]:
    for file in sorted((root / folder).rglob("*.py")):
        yield from _in_pairs(ast.parse(file.read_text(encoding="utf-8")))


def _in_calls(module: ast.Module, names: frozenset[str]) -> Iterator[Said]:
    """What calls of these names say."""
    held = _texts_of(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and _name(node.func) in names:
            words = [*node.args, *(one.value for one in node.keywords if one.arg in ("code", "detail"))]
            texts = [_text(one) or held(one) for one in words]
            code = next((text for text in texts if _CODE.fullmatch(text)), None)
            if code is not None:
                yield code, next((text for text in texts if " " in text), "")


def _in_pairs(module: ast.Module) -> Iterator[Said]:
    """What stands in a table of details by their codes, or as a code and its words side by side."""
    held = _texts_of(module)
    for node in ast.walk(module):
        pairs: list[tuple[ast.expr | None, ast.expr]] = []
        if isinstance(node, ast.Dict):
            pairs = list(zip(node.keys, node.values, strict=True))
        elif isinstance(node, ast.Tuple):
            pairs = list(pairwise(node.elts))
        for code, words in pairs:
            if _CODE.fullmatch(_text(code)) and " " in (text := _text(words) or held(words)):
                yield _text(code), text


def _texts_of(module: ast.Module) -> Callable[[ast.expr], str]:
    """What tells the text that a name was last given before it is used, in the same function or for the whole module."""
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    given = [node for node in ast.walk(module) if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)]
    given.sort(key=lambda node: node.lineno, reverse=True)

    def owner(node: ast.AST) -> ast.AST:
        around = [one for one in functions if one.lineno <= node.lineno <= (one.end_lineno or 0)]  # type: ignore[attr-defined]
        return max(around, key=lambda one: one.lineno, default=module)

    def held(used: ast.expr) -> str:
        mine = [one for one in given if one.lineno < used.lineno and _name(one.targets[0]) == _name(used)]
        return next((_text(one.value) for one in mine if owner(one) in (owner(used), module)), "")

    return held


def _by_rule(root: Path) -> Iterator[Said]:
    """What `missing(TABLE, …)` and `taken(view, TABLE, …)` say of the entities for which they are called."""
    for file in sorted((root / "consumers").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (rule := _name(node.func)) in ("missing", "taken"):
                module = importlib.import_module(".".join(file.relative_to(root).with_suffix("").parts))
                table = next((found for arg in node.args if (found := getattr(module, _name(arg), None))), None)
                if isinstance(table, Table) and table.entity:
                    columns = tuple(word.arg for word in node.keywords if word.arg)
                    told = not_unique(table.entity, columns) if rule == "taken" else missing(table, *("…" for _ in table.key)).problem
                    yield told.code, told.detail


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _text(node: ast.expr | None) -> str:
    """A text as it is written, with a mark for what is filled in."""
    if isinstance(node, ast.IfExp):
        return _text(node.body)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return _FILLED.sub("…", node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
