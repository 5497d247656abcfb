"""What every message has: one who decides it, one who writes it, and a subject that is derived."""

import ast
import inspect
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from api_edge.routes import COMMANDS
from consumers.runtime import domain as runtime
from consumers.runtime.domain import Answer
from contracts.catalogue import stream_of
from contracts.message import Command, Event, Kind, all_types, answer_of, type_of
from deploy.domains import all_domains

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("adapters", "api_edge", "cli", "consumers", "deploy", "node_worker", "producers", "sql", "templates")
DOMAINS = all_domains()
LITERAL = re.compile(r"^(cmd|evt|report|work|tick|out|feed|hint|waits|queues|edges)\.([a-z_*>{]|$)")


def names(kinds: tuple[Kind, ...]) -> list[str]:
    return [entry.full_name for entry in all_types() if entry.kind in kinds]


@pytest.mark.parametrize("name", names((Kind.COMMAND, Kind.REPORT)))
def test_a_command_is_decided_by_its_own_domain_alone(name: str) -> None:
    deciders = [domain.name for domain in DOMAINS for cls in domain.decides if type_of(cls).full_name == name]
    assert deciders == [name.split(".")[1]]


@pytest.mark.parametrize("name", names((Kind.EVENT,)))
def test_an_event_is_written_by_its_own_domain_alone(name: str) -> None:
    writers = [domain.name for domain in DOMAINS for cls in domain.writes if type_of(cls).full_name == name]
    assert writers == [name.split(".")[1]]


DECIDERS = {type_of(cls).full_name: (cls, decide) for domain in DOMAINS for cls, decide in domain.decides.items()}


@pytest.mark.parametrize("name", DECIDERS)
def test_a_decider_answers_what_its_command_says(name: str) -> None:
    command, decide = DECIDERS[name]
    parameter, told = annotations_of(decide)
    assert issubclass(command, parameter), f"{decide.__name__} decides {parameter.__name__}"
    assert told == answer_of(command), f"{decide.__name__} answers {told}"


def annotations_of(decide: Callable[..., Any]) -> tuple[type, Any]:
    """The command that a decider takes, and the body that it answers; None where it has none."""
    plain = inspect.unwrap(decide)
    hints = get_type_hints(plain, localns=vars(runtime))
    parameter = hints[next(iter(inspect.signature(plain).parameters))]
    (answer,) = (one for one in get_args(hints["return"]) if get_origin(one) is Answer)
    (told,) = get_args(answer)
    return parameter, None if told in (type(None), runtime.B) else told


def test_whoever_sends_a_command_over_http_is_told_something_that_is_typed() -> None:
    assert [route.path for route in COMMANDS if answer_of(route.command) is None] == []


def test_a_code_for_what_is_not_there_is_named_by_the_field_that_names_it() -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{line}: {code} at {field}"
        for file in (ROOT / "consumers").rglob("*.py")
        for line, code, field in missing_codes(ast.parse(file.read_text(encoding="utf-8")))
        if field.endswith("_id") and code != f"{field.removesuffix('_id')}.not_found"
    ]
    assert wrong == []


def missing_codes(tree: ast.AST) -> list[tuple[int, str, str]]:
    """Where something is refused as not found: the line, the code, and the field where it is written out."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if texts and texts[0].endswith(".not_found"):
                found.append((node.lineno, texts[0], texts[-1] if len(texts) > 1 else ""))
    return found


def test_domains_react_to_events_and_decide_commands() -> None:
    for domain in DOMAINS:
        assert all(issubclass(cls, Command) for cls in domain.decides)
        assert all(issubclass(cls, Event) for cls in (*domain.writes, *domain.makes, *domain.timers))
        assert all(issubclass(cls, Event) for one in domain.reacts for cls in one.events)


def test_effects_and_timers_hang_on_events_that_the_domain_itself_writes() -> None:
    for domain in DOMAINS:
        assert {*domain.makes, *domain.timers} <= set(domain.writes), domain.name


def test_every_kind_of_message_goes_to_one_stream_or_to_none() -> None:
    stored = Counter(stream_of(entry) for entry in all_types() if entry.kind in (Kind.COMMAND, Kind.REPORT, Kind.EVENT, Kind.WORK))
    assert None not in stored
    assert all(stream_of(entry) is None for entry in all_types() if entry.kind is Kind.TICK)


def test_no_subject_is_written_by_hand_outside_contracts() -> None:
    types = {entry.full_name for entry in all_types()}
    found = []
    for file in (file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and (LITERAL.match(node.value) or node.value in types):
                found.append(f"{file.relative_to(ROOT)}:{node.lineno}: {node.value!r}")
    assert found == []


def test_a_package_of_contracts_brings_in_all_of_its_modules() -> None:
    """Whoever imports a domain's contracts knows all of its messages."""
    for package in sorted(path.parent for path in (ROOT / "contracts").glob("*/__init__.py")):
        imported = set()
        for node in ast.walk(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                within = node.module.removeprefix(f"contracts.{package.name}").lstrip(".")
                imported |= {within} if within else {name.name for name in node.names}
        assert {path.stem for path in package.glob("*.py")} - {"__init__"} <= imported, package.name
