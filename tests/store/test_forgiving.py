"""A node that fails too much is set aside and forgiven by a timer of the domain, over a real database."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from consumers.render import DOMAIN
from consumers.runtime.clock import utc_now
from consumers.runtime.item import Item
from consumers.runtime.timers import Timers
from contracts.envelope import Envelope
from contracts.farm import ForgiveNode, NodeSteered, OpenNode
from contracts.message import PLATFORM, Command, encode
from contracts.node import PROTOCOL, RegisterNode, ReportFailure
from contracts.render import AssignPart, PartAssigned, SubmitJob
from contracts.spec import RenderSpec, SceneSpec
from tests.support.house import House
from tests.support.leading import leads, pool_of
from tests.support.timing import Clock

BUILD = {"engine_build": f"e {uuid4()}", "encoder_build": "x", "version": "0", "platform": "linux"}


async def node(house: House, name: str) -> UUID:
    id = uuid4()
    await house.send(RegisterNode(protocol=PROTOCOL, name=name, slots=1, **BUILD), PLATFORM, actor=f"node:{id}")
    return id


async def fail_on(house: House, node: UUID, template: str, tenant: UUID) -> None:
    scene = SceneSpec(scene="s", bundle=template, digest=template, frames=30, duration=1.0)
    job_id = uuid4()
    await house.send(SubmitJob(job_id=job_id, spec=RenderSpec(scenes=(scene,), width=64, height=36), spec_sha256="s", priority=50), tenant)
    await house.send(AssignPart(kind="render", subject_id=job_id, node_id=node, node_epoch=1, first=0, count=1), tenant, actor="scheduler")
    part = next(event for _, event in reversed(house.events) if isinstance(event, PartAssigned))
    died = ReportFailure(
        part_id=part.part_id, epoch=part.epoch, code="node.engine_crash", detail="d", crash="engine_crash", template=template
    )
    await house.send(died, tenant, actor=f"node:{node}")


async def service(house: House, node: UUID) -> str:
    return str(await house.admin.fetchval("select service from render.render_nodes where node_id = $1", node))


async def set_aside(house: House) -> tuple[UUID, NodeSteered]:
    """A node that failed too much."""
    tenant, north = await house.tenant(), await node(house, "north")
    await node(house, "south")
    for template in ("one", "two", "three"):
        await fail_on(house, north, template, tenant)
    assert await service(house, north) == "set_aside"
    return north, next(event for _, event in reversed(house.events) if isinstance(event, NodeSteered))


async def waiting(house: House, node: UUID) -> list[tuple[Any, ...]]:
    """The timers that are about a node."""
    rows = await house.admin.fetch("select tenant_id, due_at from render.timers where body ->> 'node_id' = $1", str(node))
    return [tuple(row) for row in rows]


async def test_a_set_aside_node_is_forgiven_by_its_timer_and_not_before(house: House, database: str) -> None:
    north, steered = await set_aside(house)
    assert steered.until is not None and await waiting(house, north) == [(PLATFORM, steered.until)]
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
    house.clock = clock
    try:
        (outcome,) = await house.decide("render", [Item(envelope=envelope, command=command, body=encode(command))])
    finally:
        house.clock = utc_now
    assert outcome is not None and outcome.state == "done"
    assert await service(house, north) == "open" and await waiting(house, north) == []
    assert await house.admin.fetchval("select suspects::text from render.render_nodes where node_id = $1", north) == "[]"


async def test_a_node_that_a_person_opens_waits_for_no_forgiving(house: House) -> None:
    north, _ = await set_aside(house)
    await house.send(OpenNode(node_id=north), PLATFORM)
    assert await waiting(house, north) == []
