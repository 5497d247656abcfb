"""Nodes in and out of service: every word of a person at every state, and a set-aside node that is forgiven."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from consumers.render import DOMAIN
from consumers.render.leases.lease import PARTS
from consumers.render.nodes.node_control import FIRST_TIME, LONGEST_TIME, set_aside
from consumers.render.nodes.registration import NODES
from consumers.runtime.domain import Context, DropTimer
from contracts.envelope import first
from contracts.message import PLATFORM
from contracts.node import LeaveNode
from contracts.render.nodes import DistrustNode, DrainNode, ForgiveNode, LoseNode, MaintainNode, NodeSteered, OpenNode
from contracts.render.templates import ReleaseTemplate, TemplateSetAside
from tests.support.domain_harness import DomainHarness, kinds, refused
from tests.unit.domains.render.test_render import NODE, assign, farm, register, submit


def steer(harness: DomainHarness, command: Any, node: UUID = NODE, **more: Any) -> Any:
    return harness.do(command(node_id=node, **more), tenant=PLATFORM)


def node_row(harness: DomainHarness, node: UUID = NODE) -> Any:
    return harness.row(NODES, node, tenant=PLATFORM)


def in_service(service: str) -> DomainHarness:
    """A farm whose node is in this service."""
    harness = farm()
    match service:
        case "draining":
            steer(harness, DrainNode)
        case "maintenance":
            steer(harness, MaintainNode)
        case "set_aside":
            put_aside(harness)
    assert node_row(harness).service == service
    return harness


def put_aside(harness: DomainHarness) -> NodeSteered:
    steered = set_aside(node_row(harness), "it failed", Context.of("render", first(OpenNode(node_id=NODE)), harness.now))
    harness.happen(steered, tenant=PLATFORM)
    return steered


BECOMES = {
    ("open", DrainNode): "draining",
    ("open", MaintainNode): "maintenance",
    ("open", OpenNode): "open",
    ("draining", DrainNode): "draining",
    ("draining", MaintainNode): "maintenance",
    ("draining", OpenNode): "open",
    ("maintenance", DrainNode): "maintenance",
    ("maintenance", MaintainNode): "maintenance",
    ("maintenance", OpenNode): "open",
    ("set_aside", DrainNode): "set_aside",
    ("set_aside", MaintainNode): "maintenance",
    ("set_aside", OpenNode): "open",
}


@pytest.mark.parametrize(("service", "command"), BECOMES)
def test_a_persons_word_leads_from_each_service_to_a_known_one(service: str, command: Any) -> None:
    harness = in_service(service)
    events = steer(harness, command)
    becomes = BECOMES[service, command]
    assert kinds(events) == ([] if becomes == service else ["NodeSteered"])
    assert node_row(harness).service == becomes
    assert harness.answer == {"node_id": NODE, "service": becomes}


@pytest.mark.parametrize(("service", "command"), [pair for pair in BECOMES if pair[1] is not OpenNode])
def test_force_is_told_even_where_the_service_stays(service: str, command: Any) -> None:
    harness = in_service(service)
    (steered,) = steer(harness, command, force=True, reason="now")
    assert (steered.force, steered.service, steered.reason) == (True, BECOMES[service, command], "now")


@pytest.mark.parametrize(
    ("service", "after"), [("open", "open"), ("draining", "open"), ("maintenance", "maintenance"), ("set_aside", "set_aside")]
)
def test_a_registration_ends_draining_and_nothing_else(service: str, after: str) -> None:
    harness = in_service(service)
    harness.do(LeaveNode(), actor=f"node:{NODE}", tenant=PLATFORM)
    assert kinds(register(harness)) == ["NodeRegistered"] + ["NodeSteered"] * (service != "open")
    assert node_row(harness).service == after


@pytest.mark.parametrize("service", ["draining", "maintenance", "set_aside"])
def test_a_node_that_is_not_open_is_given_no_part(service: str) -> None:
    harness = in_service(service)
    assert refused(assign(harness, submit(harness))) == "render.node_gone"


def test_a_node_that_is_opened_again_is_given_parts() -> None:
    harness = in_service("maintenance")
    job_id = submit(harness)
    steer(harness, OpenNode)
    assert assign(harness, job_id).keys


def test_a_drained_nodes_running_parts_still_count() -> None:
    harness = farm()
    part = assign(harness, submit(harness))
    steer(harness, DrainNode)
    assert harness.row(PARTS, part.part_id).state == "active"


def test_only_a_node_that_is_there_can_be_drained_but_any_known_one_maintained() -> None:
    harness = farm()
    harness.do(LoseNode(node_id=NODE, epoch=1, last_heard=harness.now), tenant=PLATFORM)
    assert refused(steer(harness, DrainNode)) == "node.not_active"
    assert kinds(steer(harness, MaintainNode)) == ["NodeSteered"]


def test_an_unknown_node_and_another_tenant_are_refused() -> None:
    harness = farm()
    for command in (DrainNode, MaintainNode, OpenNode):
        assert refused(steer(harness, command, uuid4())) == "node.not_found"
        assert refused(harness.do(command(node_id=NODE))) == "node.tenant"


def test_a_reason_is_kept_up_to_its_longest() -> None:
    harness = farm()
    steer(harness, MaintainNode, reason="r" * 500)
    assert len(node_row(harness).service_reason) == 200


def test_a_node_set_aside_is_forgiven_when_its_time_is_over_and_only_that_time() -> None:
    harness = farm()
    steered = put_aside(harness)
    (timer,) = timers_of(steered)
    assert timer.due_at == steered.until and timer.command == ForgiveNode(node_id=NODE, until=steered.until)
    assert kinds(steer(harness, ForgiveNode, until=steered.until + timedelta(seconds=1))) == []
    assert kinds(steer(harness, ForgiveNode, until=steered.until)) == ["NodeSteered"]
    assert node_row(harness).service == "open"
    assert kinds(steer(harness, ForgiveNode, until=steered.until)) == []


def test_a_persons_maintenance_outlasts_the_time_of_a_setting_aside() -> None:
    harness = farm()
    steered = put_aside(harness)
    steer(harness, MaintainNode)
    assert kinds(steer(harness, ForgiveNode, until=steered.until)) == []
    assert node_row(harness).service == "maintenance"


def test_in_any_other_service_a_node_waits_for_no_forgiving() -> None:
    (waiting,) = timers_of(put_aside(farm()))
    for service in ("open", "draining", "maintenance"):
        steered = NodeSteered(node_id=NODE, service=service, until=None)
        assert timers_of(steered) == [DropTimer(waiting.name)]


def timers_of(event: NodeSteered) -> list[Any]:
    """What an event makes of timers."""
    return [change for make in DOMAIN.timers[NodeSteered] for change in make(event, first(event))]


def test_each_setting_aside_in_a_row_lasts_twice_as_long_up_to_a_day() -> None:
    harness, lasted = farm(), []
    for _ in range(10):
        steered = put_aside(harness)
        lasted.append(steered.until - harness.now)
        harness.now = steered.until
        steer(harness, ForgiveNode, until=steered.until)
    assert lasted[:3] == [FIRST_TIME, 2 * FIRST_TIME, 4 * FIRST_TIME]
    assert lasted[-1] == LONGEST_TIME


def test_a_day_without_trouble_or_a_person_makes_the_next_time_a_first_one() -> None:
    harness = farm()
    steered = put_aside(harness)
    harness.now = steered.until
    steer(harness, ForgiveNode, until=steered.until)
    harness.now += timedelta(days=2)
    assert put_aside(harness).set_asides == 1
    steer(harness, OpenNode)
    assert put_aside(harness).set_asides == 1


def test_a_template_is_released_once() -> None:
    harness = farm()
    harness.happen(TemplateSetAside(template="b", reason="r"))
    assert kinds(harness.do(ReleaseTemplate(template="b"))) == ["TemplateReleased"]
    assert refused(harness.do(ReleaseTemplate(template="b"))) == "template.not_found"
    assert refused(harness.do(ReleaseTemplate(template="other"))) == "template.not_found"


def test_a_node_that_floods_is_set_aside_and_emptied() -> None:
    harness = in_service("open")
    (steered,) = steer(harness, DistrustNode, count=301)
    assert (steered.service, steered.force) == ("set_aside", True) and "301 of its reports" in steered.reason
    assert steer(harness, DistrustNode, count=301) == [], "once is enough"


def test_a_flooding_node_that_gets_no_work_or_never_registered_stays_as_it_is() -> None:
    harness = in_service("maintenance")
    assert steer(harness, DistrustNode, count=301) == [] == steer(harness, DistrustNode, uuid4(), count=301)
