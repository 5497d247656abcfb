"""A feature has one name in every tree, and a domain's messages and routes stand in its own packages."""

import importlib
from pathlib import Path

import pytest

from contracts.message import Kind, all_types
from deploy.domains import all_domains

ROOT = Path(__file__).parents[2]
DOMAINS = [domain.name for domain in all_domains()]


def modules(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.py") if path.name != "__init__.py"}


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_messages_of_a_domain_are_declared_in_its_package(domain: str) -> None:
    shared = {"contracts.node", "contracts.audit", "contracts.effects"}  # what nodes report, and what every domain has
    kinds = (Kind.COMMAND, Kind.REPORT, Kind.EVENT)
    strangers = {
        entry.full_name: entry.cls.__module__
        for entry in all_types()
        if entry.kind in kinds and entry.full_name.split(".")[1] == domain and not entry.cls.__module__.startswith(f"contracts.{domain}.")
    }
    assert {name: module for name, module in strangers.items() if module not in shared} == {}


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in (ROOT / "api_edge/routes").glob("*/__init__.py")), ids=lambda folder: folder.name
)
def test_every_module_of_routes_is_in_its_domains_table(folder: Path) -> None:
    package = importlib.import_module(f"api_edge.routes.{folder.name}")
    made = [
        route
        for name in modules(folder)
        for kind in ("COMMANDS", "QUERIES")
        for route in getattr(importlib.import_module(f"api_edge.routes.{folder.name}.{name}"), kind, [])
    ]
    assert len(made) == len(package.COMMANDS) + len(package.QUERIES)
    assert folder.name in DOMAINS


def test_one_glob_finds_a_feature() -> None:
    trees = ("contracts", "consumers", "api_edge", "sql", "tests")
    assert [tree for tree in trees if not any((ROOT / tree).glob("**/content/*categories*"))] == []
