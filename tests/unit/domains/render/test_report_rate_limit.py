"""Report rate limit: what one node says in vain by the hundred is dropped, and nobody else's word is."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from consumers.render.nodes import report_rate_limit
from consumers.render.nodes.report_rate_limit import MOST, ReportRateLimit
from consumers.runtime.item import Item
from contracts.envelope import first
from contracts.message import type_of
from contracts.node import LeaveNode, ReportFailure
from contracts.outcome import Outcome
from contracts.render.nodes import DistrustNode

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
def farm(asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The limit with a clock that a test moves."""
    farm = SimpleNamespace(now=0.0, limit=ReportRateLimit(lambda command, envelope: asked.append(command)))
    monkeypatch.setattr(report_rate_limit, "_now", lambda: farm.now)
    return farm


def test_a_node_at_the_limit_is_heard_and_one_above_it_is_set_aside_once(farm: Any, asked: list[Any]) -> None:
    node = uuid4()
    farm.limit.observe([said(node)] * MOST)
    assert farm.limit.admits(said(node)) and asked == []
    farm.limit.observe([said(node)] * 5)
    assert not farm.limit.admits(said(node))
    assert asked == [DistrustNode(node_id=node, count=MOST + 1)]
    assert farm.limit.admits(said(uuid4())), "another node is heard"


def test_what_was_done_does_not_count_unless_it_is_about_no_work(farm: Any) -> None:
    good, busy = uuid4(), uuid4()
    farm.limit.observe([said(good, "done")] * 2 * MOST)
    farm.limit.observe([said(busy, "done", LeaveNode())] * 2 * MOST)
    assert farm.limit.admits(said(good)) and not farm.limit.admits(said(busy))


def test_a_muted_node_is_heard_again_after_a_minute_in_which_it_was_quiet(farm: Any) -> None:
    node = uuid4()
    farm.limit.observe([said(node)] * (MOST + 1))
    for _ in range(2 * MOST):
        assert not farm.limit.admits(said(node))
    farm.now += 61
    assert not farm.limit.admits(said(node)), "it went on all the time"
    farm.now += 61
    assert farm.limit.admits(said(node))


def test_a_subject_without_a_node_and_a_command_of_this_process_are_admitted(farm: Any) -> None:
    own = said(uuid4())
    own.raw = None
    odd = said("nobody")  # type: ignore[arg-type]
    odd.raw = SimpleNamespace(subject="report.nobody.render.part.report_failure.v1")
    farm.limit.observe([own, odd] * (MOST + 1))
    assert farm.limit.admits(own) and farm.limit.admits(odd)
