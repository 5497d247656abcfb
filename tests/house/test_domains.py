"""A domain is declared once: who it is in contracts, what it does in its package, and nobody asks for it by its name elsewhere."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from consumers.runtime.common import WholeDomain
from contracts import catalogue
from contracts.domains import DECLARED, DOMAINS, LOG, declared
from contracts.message import Kind, all_types
from deploy.domains import all_domains

ROOT = Path(__file__).resolve().parents[2]
NO_ONES = ("contracts/catalogue", "deploy", "consumers/runtime", "consumers/log", "cli")  # packages that know no domain


def test_every_domain_has_its_package_its_messages_and_a_wall_to_the_others() -> None:
    assert [domain.name for domain in all_domains()] == list(DOMAINS) and all(isinstance(domain, WholeDomain) for domain in all_domains())
    assert {entry.domain for entry in all_types() if entry.kind is Kind.COMMAND} == set(DOMAINS)
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    packages, rules = sorted(f"consumers.{name}" for name in (*DOMAINS, LOG)), {one["name"]: one for one in lint}
    for listed in (
        rules["a consumer imports no other domain"]["modules"],
        rules["the runtime knows no domain and not the log's"]["forbidden_modules"],
    ):
        assert sorted(listed) == packages, "add the domain to the lists in pyproject.toml"


def test_nobody_asks_whether_a_domain_is_a_certain_one() -> None:
    found = []
    for file in (file for package in NO_ONES for file in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare | ast.Match):
                names = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)} & set(DOMAINS)
                found += [f"{file.relative_to(ROOT)}:{node.lineno}: {name}" for name in names]
    assert found == []


def test_a_kind_of_messages_that_comes_in_one_stream_is_decided_by_the_one_domain_that_it_names() -> None:
    for kind in (Kind.REPORT,):
        named = {entry.domain for entry in all_types() if entry.kind is kind}
        assert named == {one.name for one in DECLARED if kind in one.decides} and len(named) == 1


def test_a_domain_may_say_to_the_broker_what_it_declares_and_nothing_else() -> None:
    for role in catalogue.roles():
        if role.name in DOMAINS:
            kinds = {subject.split(".")[0] for subject in role.publish} & set(Kind)
            ticks = {Kind.TICK} if any(e.kind is Kind.TICK and e.domain == role.name for e in all_types()) else set()
            assert kinds == {Kind.COMMAND, *declared(role.name).sends} | ticks, role.name


def test_the_users_beside_a_domain_are_those_of_its_services() -> None:
    assert {role.beside for role in catalogue.roles()} <= {"", *DOMAINS}
    for name in DOMAINS:
        assert catalogue.users_of(name)[0] == name
    everybody = [user for name in DOMAINS for user in catalogue.users_of(name)]
    assert len(set(everybody)) == len(everybody)


def test_what_a_domain_is_can_be_asked_without_loading_what_runs_beside_it() -> None:
    """Replay, the check and the command line ask it in their processes: clients, settings and keys would double the time of their start."""
    look = "print(*sorted({'nats', 'pydantic', 'cryptography', 'faststream'} & set(sys.modules)))"
    program = f"import sys, deploy.domains as d; d.all_domains(); {look}"
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-P", "-c", program], cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
