"""What ends through nobody's fault costs neither a tenant its turn nor a file or a job its life."""

from uuid import UUID, uuid4

import pytest

from consumers.render.jobs.tables import JOBS
from consumers.render.kinds.inspections import INSPECTIONS
from consumers.render.kinds.short_work import TRIES
from consumers.render.scheduling.farm import Choice, NodeState
from consumers.render.scheduling.farm.apply_events import apply
from contracts.envelope import first
from contracts.render.parts import PartEnd, PartEnded
from tests.unit.domains.render.test_farm import Bench
from tests.unit.domains.render.test_render import assign, drawn, fail, farm, inspecting, submit


def given(bench: Bench) -> tuple[NodeState, Choice, UUID]:
    """The next choice, and the part that it became."""
    ((node, choice),) = bench.assign()
    (part_id,) = bench.farm.parts
    return node, choice, part_id


def end(bench: Bench, choice: Choice, node: NodeState, part_id: UUID, how: PartEnd, now: float) -> None:
    event = PartEnded(part_id=part_id, kind="render", subject_id=choice.subject, node_id=node.node_id, end=how, returned=choice.keys)
    apply(bench.farm, event, first(event, tenant=choice.tenant), now)


@pytest.mark.parametrize(("how", "served"), [("expired", True), ("failed", False)])
def test_a_tenant_does_not_pay_for_the_silence_of_a_dead_node(how: PartEnd, served: bool) -> None:
    bench = Bench()
    for _ in range(2):
        bench.job(uuid4(), 100, 1.0)
    node, choice, part_id = given(bench)
    end(bench, choice, node, part_id, how, 100.0)
    bench.node("another")
    assert (choice.tenant in {later.tenant for _, later in bench.assign()}) == served


@pytest.mark.parametrize("code", ["node.engine_killed", "node.storage_away"])
def test_a_file_is_not_rejected_because_engines_were_killed_or_the_store_was_away(code: str) -> None:
    harness, file_id = inspecting()
    for _ in range(TRIES + 2):
        fail(harness, assign(harness, file_id, "inspect"), code, "engine_crash" if code == "node.engine_killed" else None)
        assert harness.row(INSPECTIONS, file_id).state == "queued"


def test_an_export_does_not_fail_because_engines_were_killed() -> None:
    harness = farm()
    job_id = submit(harness)
    drawn(harness, job_id)
    for _ in range(5):
        fail(harness, assign(harness, job_id, "assemble"), "node.engine_killed", "engine_crash")
    assert harness.row(JOBS, job_id).state == "assembling"
