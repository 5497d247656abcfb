"""docs/reference/codes.md: every code that a problem, a failed render or a rejected file may have, from where it is said."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from api_edge.errors import meaning_of
from consumers.runtime.domain import not_unique
from consumers.runtime.rules import missing
from consumers.runtime.table import Table
from deploy.references.sources import HEAD, table

_SAID_BY = frozenset({"refuse", "Refused", "problem", "unknown", "Problem"})
_FOUND_BY = frozenset({"TemplateRefused", "PartFailed"})
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
Said = tuple[str, str]  # a code, and how it is told


def document(root: Path) -> str:
    """The whole text."""
    told = [*_said(root, ("api_edge", "consumers"), _SAID_BY), *_by_rule(root)]
    found = list(_said(root, ("node_worker",), _FOUND_BY))
    rows = [(f"`{code}`", meaning_of(code).status, words) for code, words in _merged(told)]
    nodes = [(f"`{code}`", words) for code, words in _merged(found)]
    return f"{_ABOUT}\n{table(('code', 'status', 'told'), rows)}{_FOUND}{table(('code', 'told'), nodes)}"


def _merged(said: list[Said]) -> list[Said]:
    """Each code once, with all the ways in which it is told."""
    ways: dict[str, dict[str, None]] = {}
    for code, words in said:
        ways.setdefault(code, {}).update({words: None} if words else {})
    return [(code, " / ".join(told)) for code, told in sorted(ways.items())]


def _said(root: Path, folders: tuple[str, ...], names: frozenset[str]) -> Iterator[Said]:
    for file in sorted(file for folder in folders for file in (root / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in names:
                given = {one.arg: one.value for one in node.keywords}
                code = _text(node.args[0] if node.args else given.get("code"))
                if _CODE.fullmatch(code):
                    texts = map(_text, (*node.args[1:], *filter(None, [given.get("detail")])))
                    yield code, next((text for text in texts if " " in text), "")


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
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
