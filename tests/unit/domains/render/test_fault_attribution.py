"""Who is to blame for a dead engine: a template that ends them on two nodes, or a node on which different templates fail."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from consumers.render.jobs.tables import JOBS
from consumers.render.leases.lease import SEGMENTS
from consumers.render.nodes.fault_attribution import ENGINE_ENDED, KILLED, LATELY
from consumers.render.nodes.node_control import TEMPLATES
from consumers.render.nodes.registration import NODES
from contracts.message import PLATFORM
from contracts.node import ReportFailure
from contracts.render.inspections import RequestInspection
from contracts.render.jobs import SubmitJob
from contracts.render.nodes import OpenNode
from contracts.render.templates import ReleaseTemplate
from tests.support.domain_harness import DomainHarness, kinds, refused
from tests.unit.domains.render.test_render import NODE, OTHER, assign, farm, register, spec


def two_nodes() -> DomainHarness:
    harness = farm()
    register(harness, OTHER)
    return harness


def submit(harness: DomainHarness, template: str, *texts: str) -> UUID:
    job_id = uuid4()
    plain = spec(*(texts or (str(job_id),)))  # a text of its own, so that none waits for another's segments
    scenes = tuple(msgspec.structs.replace(scene, bundle=template, digest=template) for scene in plain.scenes)
    wanted = msgspec.structs.replace(plain, scenes=scenes)
    harness.do(SubmitJob(job_id=job_id, spec=wanted, spec_sha256="s", priority=50))
    return job_id


def die(harness: DomainHarness, job_id: UUID, template: str, node: UUID = NODE, crash: Any = "engine_crash", code: str = "") -> Any:
    part = assign(harness, job_id, node=node)
    failure = ReportFailure(
        part_id=part.part_id, epoch=part.epoch, code=code or f"node.{crash}", detail="d", crash=crash, template=template
    )
    return harness.do(failure, actor=f"node:{node}")


def node_row(harness: DomainHarness, node: UUID = NODE) -> Any:
    return harness.row(NODES, node, tenant=PLATFORM)


@pytest.mark.parametrize("crash", ENGINE_ENDED)
def test_a_template_that_ends_engines_on_two_nodes_is_set_aside_and_not_the_nodes(crash: str) -> None:
    harness = two_nodes()
    job_id = submit(harness, "killer")
    assert kinds(die(harness, job_id, "killer", NODE, crash)) == ["NodeCrashed", "PartEnded", "TemplateCrashed", "NodeSuspected"]
    assert harness.row(JOBS, job_id).state == "rendering"
    events = die(harness, job_id, "killer", OTHER, crash)
    assert kinds(events) == ["NodeCrashed", "PartEnded", "TemplateCrashed", "TemplateSetAside", "NodeSuspected", "JobFailed"]
    row, job = harness.row(TEMPLATES, "killer"), harness.row(JOBS, job_id)
    assert (row.state, set(row.crashed_on)) == ("set_aside", {NODE, OTHER})
    assert (job.state, job.code) == ("failed", "template.set_aside") and row.reason in job.detail
    assert node_row(harness).suspects == node_row(harness, OTHER).suspects == ()


def test_a_template_that_dies_on_one_node_only_is_not_set_aside() -> None:
    harness = farm()
    job_id = submit(harness, "killer")
    die(harness, job_id, "killer")
    die(harness, job_id, "killer")
    assert (harness.row(JOBS, job_id).code, harness.row(TEMPLATES, "killer").state) == ("node.engine_crash", "open")


def test_a_job_of_a_template_that_is_set_aside_fails_at_once_until_it_is_released() -> None:
    harness = two_nodes()
    job_id = submit(harness, "killer")
    for node in (NODE, OTHER):
        die(harness, job_id, "killer", node)
    later = submit(harness, "killer")
    assert (harness.row(JOBS, later).state, harness.row(JOBS, later).code) == ("failed", "template.set_aside")
    assert harness.row(JOBS, submit(harness, "harmless")).state == "queued"
    harness.do(ReleaseTemplate(template="killer"))
    assert harness.row(TEMPLATES, "killer").crashed_on == ()
    assert harness.row(JOBS, submit(harness, "killer")).state == "queued"


def test_a_released_template_that_kills_again_is_set_aside_again() -> None:
    harness = two_nodes()
    for round in range(2):
        job_id = submit(harness, "killer", f"round {round}")
        for node in (NODE, OTHER):
            die(harness, job_id, "killer", node)
        assert harness.row(JOBS, job_id).code == "template.set_aside"
        harness.do(ReleaseTemplate(template="killer"))


def test_another_job_of_a_template_set_aside_meanwhile_ends_with_the_same_reason() -> None:
    harness = two_nodes()
    first, second = submit(harness, "killer"), submit(harness, "killer")
    late = assign(harness, second, node=NODE)
    for node in (NODE, OTHER):
        die(harness, first, "killer", node)
    failure = ReportFailure(
        part_id=late.part_id, epoch=late.epoch, code="node.engine_crash", detail="d", crash="engine_crash", template="killer"
    )
    assert kinds(harness.do(failure, actor=f"node:{NODE}")) == ["NodeCrashed", "PartEnded", "TemplateCrashed", "JobFailed"]
    assert harness.row(JOBS, second).code == "template.set_aside"


def test_an_engine_killed_from_outside_blames_nobody() -> None:
    harness = two_nodes()
    job_id = submit(harness, "fine")
    for node in (NODE, OTHER, NODE, OTHER):
        die(harness, job_id, "fine", node, code=KILLED)
    assert harness.row(TEMPLATES, "fine") is None
    assert node_row(harness).suspects == ()
    assert harness.row(JOBS, job_id).state == "rendering"


def test_a_node_cannot_blame_a_template_that_it_was_not_given() -> None:
    harness = two_nodes()
    job_id = submit(harness, "fine")
    assert kinds(die(harness, job_id, "other")) == ["NodeCrashed", "PartEnded"]
    assert harness.row(TEMPLATES, "other") is None


def test_an_inspection_blames_nobody() -> None:
    harness, file_id = two_nodes(), uuid4()
    harness.do(RequestInspection(file_id=file_id, name="a", bytes=9, object_key="k"))
    part = assign(harness, file_id, "inspect")
    failure = ReportFailure(part_id=part.part_id, epoch=1, code="node.engine_crash", detail="d", crash="engine_crash", template="x")
    assert kinds(harness.do(failure, actor=f"node:{NODE}")) == ["NodeCrashed", "PartEnded"]


def test_a_node_on_which_three_templates_fail_is_set_aside_for_ten_minutes() -> None:
    harness = two_nodes()
    for template in ("one", "two", "three"):
        assert node_row(harness).service == "open"
        events = die(harness, submit(harness, template), template)
    assert kinds(events) == ["NodeCrashed", "PartEnded", "TemplateCrashed", "NodeSuspected", "NodeSteered"]
    row = node_row(harness)
    assert (row.service, row.set_asides) == ("set_aside", 1)
    assert row.service_until == harness.now + timedelta(minutes=10)
    assert node_row(harness, OTHER).service == "open"


def test_the_same_template_three_times_does_not_set_a_node_aside() -> None:
    harness = two_nodes()
    for _ in range(3):
        die(harness, submit(harness, "one"), "one")
    assert node_row(harness).service == "open"
    assert [suspect.template for suspect in node_row(harness).suspects] == ["one"]


def test_failures_long_apart_do_not_set_a_node_aside() -> None:
    harness = two_nodes()
    for template in ("one", "two", "three", "four"):
        die(harness, submit(harness, template), template)
        harness.now += LATELY / 2
    assert node_row(harness).service == "open"


def test_the_last_open_node_is_never_set_aside() -> None:
    harness = farm()
    for template in ("one", "two", "three", "four"):
        die(harness, submit(harness, template), template)
    assert node_row(harness).service == "open"


def test_a_node_set_aside_for_templates_that_are_to_blame_goes_back_to_work() -> None:
    harness = two_nodes()
    jobs = {template: submit(harness, template) for template in ("one", "two", "three")}
    for template, job_id in jobs.items():
        die(harness, job_id, template)
    assert node_row(harness).service == "set_aside"
    assert kinds(die(harness, jobs["one"], "one", OTHER))[3:6] == ["TemplateSetAside", "NodeSuspected", "NodeSteered"]
    assert (node_row(harness).service, node_row(harness).set_asides) == ("open", 0)


def test_a_full_disk_blames_the_node_and_not_the_template() -> None:
    harness = two_nodes()
    for template in ("one", "two", "three"):
        die(harness, submit(harness, template), template, crash="out_of_disk")
        assert harness.row(TEMPLATES, template) is None
    assert node_row(harness).service == "set_aside"


def test_opening_a_node_forgets_what_failed_on_it() -> None:
    harness = two_nodes()
    for template in ("one", "two"):
        die(harness, submit(harness, template), template)
    harness.do(OpenNode(node_id=NODE), tenant=PLATFORM)
    assert node_row(harness).suspects == ()
    die(harness, submit(harness, "three"), "three")
    assert node_row(harness).service == "open"


@pytest.mark.parametrize(
    ("code", "crash", "elsewhere", "waits"),
    [
        ("node.engine_crash", "engine_crash", True, 0.0),
        ("node.engine_hang", "engine_hang", True, 0.0),
        ("node.out_of_memory", "out_of_memory", True, 0.0),
        ("node.frames_differ", "frames_differ", True, 0.0),
        ("node.out_of_disk", "out_of_disk", True, 1.0),
        ("node.storage_away", None, True, 1.0),
        ("node.segment_unverified", None, True, 0.0),
        ("node.internal", None, True, 0.0),
        ("node.protocol", None, True, 0.0),
        ("node.address_expired", None, False, 0.0),
        (KILLED, "engine_crash", False, 0.0),
        ("template.broken", None, False, 0.0),
    ],
)
def test_each_class_of_failure_has_its_way_to_be_tried_again(code: str, crash: Any, elsewhere: bool, waits: float) -> None:
    harness = two_nodes()
    job_id = submit(harness, "t")
    events = die(harness, job_id, "", crash=crash, code=code)
    (end,) = [event for event in events if type(event).__name__ == "PartEnded"]
    assert (end.avoid, end.retry_after) == (elsewhere, waits)
    assert harness.row(SEGMENTS, end.returned[0]).avoid == ((NODE,) if elsewhere else ())


def test_a_full_disk_is_waited_for_longer_each_time_up_to_a_minute() -> None:
    harness = two_nodes()
    job_id, waits = submit(harness, "t"), []
    for _ in range(8):
        events = die(harness, job_id, "", crash="out_of_disk")
        waits += [event.retry_after for event in events if type(event).__name__ == "PartEnded"]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_nodes_to_avoid_are_kept_once_each() -> None:
    harness = two_nodes()
    job_id = submit(harness, "t")
    for node in (NODE, OTHER, NODE):
        events = die(harness, job_id, "", node, crash=None, code="node.internal")
    assert harness.row(SEGMENTS, events[0].returned[0]).avoid == (NODE, OTHER)


def test_a_failure_under_another_lease_blames_nobody() -> None:
    harness = two_nodes()
    job_id = submit(harness, "t")
    part = assign(harness, job_id)
    failure = ReportFailure(part_id=part.part_id, epoch=part.epoch + 1, code="node.x", detail="d", crash="engine_crash", template="t")
    assert refused(harness.do(failure, actor=f"node:{NODE}")) == "render.stale_lease"
    assert harness.row(TEMPLATES, "t") is None
