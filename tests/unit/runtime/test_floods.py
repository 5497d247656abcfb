"""Floods: what one node says in vain by the hundred is dropped, and nobody else's word is."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from consumers.render import floods
from consumers.render.floods import MOST, Floods
from consumers.runtime.item import Item
from contracts.envelope import first
from contracts.farm import DistrustNode
from contracts.message import type_of
from contracts.node import LeaveNode, ReportFailure
from contracts.outcome import Outcome

FAILURE = ReportFailure(part_id=uuid4(), epoch=1, code="node.x", detail="")


def said(node: UUID, state: str = "refused", report: Any = FAILURE) -> Item:
    """A node's report as it was decided."""
    envelope = first(report, actor=f"node:{node}")
    outcome = Outcome(command_id=envelope.id, tenant_id=envelope.tenant, state=state)  # type: ignore[arg-type]
    return Item(envelope=envelope, command=report, raw=SimpleNamespace(subject=type_of(report).subject(node)), outcome=outcome)


@pytest.fixture
def asked() -> list[Any]:
    return []


@pytest.fixture
def gate(asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Floods with a clock that a test moves."""
    gate = SimpleNamespace(now=0.0, floods=Floods(lambda command, envelope: asked.append(command)))
    monkeypatch.setattr(floods, "_now", lambda: gate.now)
    return gate


def test_a_node_at_the_limit_is_heard_and_one_above_it_is_set_aside_once(gate: Any, asked: list[Any]) -> None:
    node = uuid4()
    gate.floods.observe([said(node)] * MOST)
    assert gate.floods.admits(said(node)) and asked == []
    gate.floods.observe([said(node)] * 5)
    assert not gate.floods.admits(said(node))
    assert asked == [DistrustNode(node_id=node, count=MOST + 1)]
    assert gate.floods.admits(said(uuid4())), "another node is heard"


def test_what_was_done_does_not_count_unless_it_is_about_no_work(gate: Any) -> None:
    good, busy = uuid4(), uuid4()
    gate.floods.observe([said(good, "done")] * 2 * MOST)
    gate.floods.observe([said(busy, "done", LeaveNode())] * 2 * MOST)
    assert gate.floods.admits(said(good)) and not gate.floods.admits(said(busy))


def test_a_muted_node_is_heard_again_after_a_minute_in_which_it_was_quiet(gate: Any) -> None:
    node = uuid4()
    gate.floods.observe([said(node)] * (MOST + 1))
    for _ in range(2 * MOST):
        assert not gate.floods.admits(said(node))
    gate.now += 61
    assert not gate.floods.admits(said(node)), "it went on all the time"
    gate.now += 61
    assert gate.floods.admits(said(node))


def test_a_subject_without_a_node_and_a_command_of_this_process_are_admitted(gate: Any) -> None:
    own = said(uuid4())
    own.raw = None
    odd = said("nobody")  # type: ignore[arg-type]
    odd.raw = SimpleNamespace(subject="report.nobody.render.part.report_failure.v1")
    gate.floods.observe([own, odd] * (MOST + 1))
    assert gate.floods.admits(own) and gate.floods.admits(odd)
