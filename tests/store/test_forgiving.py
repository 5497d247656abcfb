"""A node that fails too much is set aside and forgiven by a timer of the domain, over a real database."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from consumers.render import DOMAIN
from consumers.runtime.clock import utc_now
from consumers.runtime.item import Item
from consumers.runtime.timers import Timers
from contracts.envelope import Envelope
from contracts.message import PLATFORM, Command, encode
from contracts.node import PROTOCOL, RegisterNode, ReportFailure
from contracts.render.jobs import SubmitJob
from contracts.render.nodes import ForgiveNode, NodeSteered, OpenNode
from contracts.render.parts import AssignPart, PartAssigned
from contracts.spec import RenderSpec, SceneSpec
from tests.support.in_process import InProcessDomains
from tests.support.leading import leads, pool_of
from tests.support.timing import Clock

BUILD = {"engine_build": f"e {uuid4()}", "encoder_build": "x", "version": "0", "platform": "linux"}


async def node(in_process: InProcessDomains, name: str) -> UUID:
    id = uuid4()
    await in_process.send(RegisterNode(protocol=PROTOCOL, name=name, slots=1, **BUILD), PLATFORM, actor=f"node:{id}")
    return id


async def fail_on(in_process: InProcessDomains, node: UUID, template: str, tenant: UUID) -> None:
    scene = SceneSpec(scene="s", bundle=template, digest=template, frames=30, duration=1.0)
    job_id = uuid4()
    await in_process.send(
        SubmitJob(job_id=job_id, spec=RenderSpec(scenes=(scene,), width=64, height=36), spec_sha256="s", priority=50), tenant
    )
    await in_process.send(
        AssignPart(kind="render", subject_id=job_id, node_id=node, node_epoch=1, first=0, count=1), tenant, actor="scheduler"
    )
    part = next(event for _, event in reversed(in_process.events) if isinstance(event, PartAssigned))
    died = ReportFailure(
        part_id=part.part_id, epoch=part.epoch, code="node.engine_crash", detail="d", crash="engine_crash", template=template
    )
    await in_process.send(died, tenant, actor=f"node:{node}")


async def service(in_process: InProcessDomains, node: UUID) -> str:
    return str(await in_process.admin.fetchval("select service from render.render_nodes where node_id = $1", node))


async def set_aside(in_process: InProcessDomains) -> tuple[UUID, NodeSteered]:
    """A node that failed too much."""
    tenant, north = await in_process.tenant(), await node(in_process, "north")
    await node(in_process, "south")
    for template in ("one", "two", "three"):
        await fail_on(in_process, north, template, tenant)
    assert await service(in_process, north) == "set_aside"
    return north, next(event for _, event in reversed(in_process.events) if isinstance(event, NodeSteered))


async def waiting(in_process: InProcessDomains, node: UUID) -> list[tuple[Any, ...]]:
    """The timers that are about a node."""
    rows = await in_process.admin.fetch("select tenant_id, due_at from render.timers where body ->> 'node_id' = $1", str(node))
    return [tuple(row) for row in rows]


async def test_a_set_aside_node_is_forgiven_by_its_timer_and_not_before(in_process: InProcessDomains, database: str) -> None:
    north, steered = await set_aside(in_process)
    assert steered.until is not None and await waiting(in_process, north) == [(PLATFORM, steered.until)]
    said: list[tuple[Command, Envelope]] = []

    async def publish(command: Command, envelope: Envelope) -> None:
        if command == ForgiveNode(node_id=north, until=steered.until):
            said.append((command, envelope))

    clock = Clock(steered.until - timedelta(microseconds=1))
    async with leads(database, "render") as leading:
        timers = Timers(DOMAIN, pool_of(database, "render"), publish, leading, clock)
        await timers.round()
        assert said == []
        clock.now = steered.until
        await timers.round()
    ((command, envelope),) = said
    assert envelope.tenant == PLATFORM
    in_process.clock = clock
    try:
        (outcome,) = await in_process.decide("render", [Item(envelope=envelope, command=command, body=encode(command))])
    finally:
        in_process.clock = utc_now
    assert outcome is not None and outcome.state == "done"
    assert await service(in_process, north) == "open" and await waiting(in_process, north) == []
    assert await in_process.admin.fetchval("select suspects::text from render.render_nodes where node_id = $1", north) == "[]"


async def test_a_node_that_a_person_opens_waits_for_no_forgiving(in_process: InProcessDomains) -> None:
    north, _ = await set_aside(in_process)
    await in_process.send(OpenNode(node_id=north), PLATFORM)
    assert await waiting(in_process, north) == []
