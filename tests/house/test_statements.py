"""Named statements and the code that runs them: none is missing, and none is left that nobody runs."""

import re
from pathlib import Path

import sql
from contracts.message import DEFAULT_TENANT, PLATFORM

ROOT = Path(__file__).parents[2]
AREAS = sorted(path.name for path in (ROOT / "sql").iterdir() if path.is_dir() and path.name not in ("migrations", "__pycache__"))
SOURCES = {
    path: path.read_text(encoding="utf-8")
    for folder in ("consumers", "api_edge", "deploy", "cli", "sql", "simulation")
    for path in (ROOT / folder).rglob("*.py")
}
ASKED = re.compile(r"\b(?:_?q|sql\.load\(\"\w+\"\))\.([a-z_]+)\b")


def names(area: str) -> set[str]:
    """The statements of an area."""
    return set(vars(sql.load(area)))


def test_every_statement_that_the_code_asks_for_is_there() -> None:
    """A merge that loses one is found here, and not by the first command that needs it."""
    known = set().union(*map(names, AREAS))
    missing = {
        (path.relative_to(ROOT).as_posix(), name) for path, text in SOURCES.items() for name in ASKED.findall(text) if name not in known
    }
    assert missing == set()


def test_every_statement_is_run_by_somebody() -> None:
    text = "\n".join(SOURCES.values())
    left = {(area, name) for area in AREAS for name in names(area) if not re.search(rf"[.\"]{name}\b", text)}
    assert left == set()


def test_the_tenants_that_sql_writes_out_are_the_two_that_are_always_there() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "sql").rglob("*.sql"))
    assert set(re.findall(r"'([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'", text)) == {str(PLATFORM), str(DEFAULT_TENANT)}
