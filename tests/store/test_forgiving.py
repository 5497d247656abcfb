"""A node that fails too much is set aside and forgiven by a timer of the domain, over a real database."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from consumers.render import DOMAIN
from consumers.runtime.timers import Timers
from contracts.envelope import Envelope
from contracts.farm import ForgiveNode, NodeSteered
from contracts.message import PLATFORM, Command, encode, type_of
from contracts.node import PROTOCOL, RegisterNode, ReportFailure
from contracts.render import AssignPart, PartAssigned, SubmitJob
from contracts.spec import RenderSpec, SceneSpec
from tests.support.house import PASSWORD, House, item_of
from tests.support.leading import leads

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


async def test_a_set_aside_node_is_forgiven_by_its_timer_and_not_before(house: House, database: str) -> None:
    tenant, north = await house.tenant(), await node(house, "north")
    await node(house, "south")
    for template in ("one", "two", "three"):
        await fail_on(house, north, template, tenant)
    assert await service(house, north) == "set_aside"
    steered = next(event for _, event in reversed(house.events) if isinstance(event, NodeSteered))
    waiting = await house.admin.fetch("select * from render.timers where body ->> 'node_id' = $1", str(north))
    assert [(row["tenant_id"], row["due_at"]) for row in waiting] == [(PLATFORM, steered.until)]

    said: list[tuple[Command, Envelope]] = []

    async def publish(command: Command, envelope: Envelope) -> None:
        said.append((command, envelope))

    creating = asyncpg.create_pool(database, user="render_app", password=PASSWORD, min_size=1, max_size=1)
    async with creating as pool, leads(database, "render") as leading:
        timers = Timers(DOMAIN, pool, publish, leading)
        await one_round(timers, pool)
        assert said == []
        await house.admin.execute("update render.timers set due_at = now() where id = $1", waiting[0]["id"])
        await one_round(timers, pool)
    ((command, envelope),) = said
    assert command == ForgiveNode(node_id=north, until=steered.until) and envelope.tenant == PLATFORM
    (outcome,) = await house.decide("render", [msgspec.structs.replace(item_of(command, PLATFORM), envelope=envelope)])
    assert outcome is not None and outcome.state == "done"
    assert await service(house, north) == "open"
    assert await house.admin.fetchval("select suspects::text from render.render_nodes where node_id = $1", north) == "[]"


async def test_a_timer_that_this_release_cannot_read_holds_up_no_other(house: House, database: str) -> None:
    steered = ForgiveNode(node_id=uuid4(), until=datetime.now(UTC))
    said: list[Command] = []

    async def publish(command: Command, envelope: Envelope) -> None:
        said.append(command)

    keep = "insert into render.timers (tenant_id, id, type, body, due_at) values ($1, $2, $3, $4, now() - interval '1 minute')"
    unread = uuid4()
    await house.admin.execute(keep, PLATFORM, unread, "cmd.render.node.of_another_release.v1", "{}")
    await house.admin.execute(keep, PLATFORM, uuid4(), type_of(steered).full_name, encode(steered).decode())
    creating = asyncpg.create_pool(database, user="render_app", password=PASSWORD, min_size=1, max_size=1)
    async with creating as pool, leads(database, "render") as leading:
        timers = Timers(DOMAIN, pool, publish, leading)
        await one_round(timers, pool)
        await one_round(timers, pool)
    assert steered in said and len(said) == len(set(said))
    assert await house.admin.fetchval("delete from render.timers where id = $1 returning id", unread) == unread, "it waits for a person"


async def one_round(timers: Timers, pool: Any) -> None:
    from consumers.runtime.store import Store

    async with pool.acquire() as conn:
        await timers._round(Store(conn, "render"))
