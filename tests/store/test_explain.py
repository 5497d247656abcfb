"""Explanations from what the real deciders wrote: waiting, throttled, crashed and recovered, failed, cancelled."""

from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec
import pytest_asyncio

from api_edge.handlers.reader import Reader
from api_edge.routes.render.explanation import explain
from cli.commands.explain import told
from consumers.render.leases.object_keys import export_object_key, segment_object_key
from contracts.envelope import first
from contracts.message import DEFAULT_TENANT, PLATFORM, Command, Event
from contracts.node import PROTOCOL, LeaveNode, RegisterNode, ReportExport, ReportFailure, ReportSegment
from contracts.render.jobs import CancelJob, PauseJob, SubmitJob
from contracts.render.nodes import Capabilities, MaintainNode
from contracts.render.parts import AssignPart, PartAssigned
from contracts.render.repairs import ReportRot, RequestRepair
from contracts.render.shares import LearnShare
from contracts.spec import Needs, RenderSpec, SceneSpec
from deploy.local.servers import Servers
from tests.support.databases import migrated
from tests.support.in_process import InProcessDomains, body_of, item_of
from tests.support.password import PASSWORD
from tests.support.sample_history import sha


class TenantOnFarm:
    """A tenant's jobs on a farm of its own database."""

    def __init__(self, in_process: InProcessDomains, reader: Reader) -> None:
        self.in_process, self.reader = in_process, reader
        self.tenant, self.nodes = uuid4(), (uuid4(), uuid4())
        self.correlation: dict[UUID, UUID] = {}

    async def do(self, command: Command, *, actor: str = "key:test", job: UUID | None = None, tenant: UUID | None = None) -> list[Event]:
        more = {"correlation": self.correlation[job]} if job else {}
        item = item_of(command, tenant or self.tenant, actor=actor, **more)
        body_of((await self.in_process.decide("render", [item]))[0])
        return [event for _, event, _, _ in item.events]

    async def register(self, number: int, **capabilities: Any) -> None:
        report = RegisterNode(
            protocol=PROTOCOL,
            name=f"node-{number}",
            slots=2,
            engine_build="e",
            encoder_build="x",
            version="0",
            platform="linux",
            capabilities=Capabilities(**capabilities),
        )
        await self.do(report, actor=f"node:{self.nodes[number]}", tenant=PLATFORM)

    async def job(self, frames: int = 60, **needs: Any) -> UUID:
        job_id = uuid4()
        scene = SceneSpec(scene="s", bundle=sha(job_id), digest=sha(job_id), frames=frames, duration=frames / 30)
        spec = RenderSpec(scenes=(scene,), width=320, height=180)
        command = SubmitJob(job_id=job_id, spec=spec, spec_sha256="s", priority=50, needs=Needs(**needs))
        self.correlation[job_id] = first(command).correlation
        await self.do(command, job=job_id)
        return job_id

    async def assign(self, job: UUID, node: int, first: int = 0, count: int = 1) -> PartAssigned:
        command = AssignPart(kind="render", subject_id=job, node_id=self.nodes[node], node_epoch=1, first=first, count=count)
        return next(event for event in await self.do(command, actor="scheduler", job=job) if isinstance(event, PartAssigned))

    async def explained(self, job: UUID, tenant: UUID | None = None) -> dict[str, Any]:
        await self.in_process.sequence()
        asker = tenant or self.tenant
        found = (await self.reader.select("explain_render", f"{asker},{PLATFORM}", asker, job)).rows
        rows = explain(cast(Any, None), cast(Any, None), found)
        return msgspec.json.decode(msgspec.json.encode(rows[0])) if rows else {}

    async def reasons(self, job: UUID) -> list[tuple[str, str]]:
        return [(reason["code"], reason["detail"]) for reason in (await self.explained(job))["reasons"]]


@pytest_asyncio.fixture(loop_scope="session")
async def farm(servers: Servers) -> AsyncIterator[TenantOnFarm]:
    async with migrated(servers.pg_admin_dsn) as dsn, InProcessDomains(dsn) as in_process:
        reader = await Reader.connect(dsn, PASSWORD)
        yield TenantOnFarm(in_process, reader)
        await reader.close()


async def test_a_job_waits_because_no_node_is_there_or_none_gives_out_slots(farm: TenantOnFarm) -> None:
    job = await farm.job()
    assert [code for code, _ in await farm.reasons(job)] == ["farm.no_node"]
    await farm.register(0)
    await farm.do(MaintainNode(node_id=farm.nodes[0], reason="a new disk"), tenant=PLATFORM)
    assert await farm.reasons(job) == [("farm.no_node", "no node gives out slots: node-0 is in maintenance")]
    farm.tenant = DEFAULT_TENANT  # which runs the farm, and alone is told an operator's words
    assert await farm.reasons(await farm.job()) == [("farm.no_node", "no node gives out slots: node-0 is in maintenance (a new disk)")]


async def test_a_job_waits_because_no_node_has_what_it_needs(farm: TenantOnFarm) -> None:
    await farm.register(0, fonts=("Inter",), labels=("gpu",))
    job = await farm.job(fonts=("Vazirmatn", "Inter"), labels=("fast",))
    told = await farm.reasons(job)
    assert told == [("farm.no_capable_node", "no node has the font Vazirmatn"), ("farm.no_capable_node", "no node has the label fast")]


async def test_a_job_is_throttled_by_its_tenants_limit(farm: TenantOnFarm) -> None:
    await farm.register(0)
    await farm.do(LearnShare(render_weight=1, max_slots=1))
    busy, waiting = await farm.job(), await farm.job()
    await farm.assign(busy, 0)
    assert await farm.reasons(waiting) == [("tenant.at_limit", "tenant at its limit of 1 slot")]
    assert (await farm.reasons(busy))[0] == ("job.drawing", "1 part is in work on node-0")


async def test_a_job_that_waits_for_its_turn_or_is_paused_says_so(farm: TenantOnFarm) -> None:
    await farm.register(0)
    job = await farm.job()
    assert await farm.reasons(job) == [("farm.busy", "it waits for its turn: the farm has 2 slots, shared by all tenants")]
    await farm.do(PauseJob(job_id=job), job=job)
    assert [code for code, _ in await farm.reasons(job)] == ["job.paused"]


async def crash(farm: TenantOnFarm, job: UUID, node: int) -> None:
    part = await farm.assign(job, node)
    report = ReportFailure(
        part_id=part.part_id,
        epoch=part.epoch,
        code="node.engine_crash",
        detail="it died",
        crash="engine_crash",
        signal=11,
        template=sha(job),
    )
    await farm.do(report, actor=f"node:{farm.nodes[node]}", job=job)


async def drawn(farm: TenantOnFarm, part: PartAssigned, job: UUID, node: int) -> None:
    """The node has drawn the part's first segment."""
    key = part.keys[0]
    place = segment_object_key(farm.tenant, key, part.epoch, part.part_id)
    report = ReportSegment(
        part_id=part.part_id, epoch=part.epoch, key=key, object_key=place, sha256=sha(key), bytes=1, frames=30, difference=0.0, seconds=1.0
    )
    await farm.do(report, actor=f"node:{farm.nodes[node]}", job=job)


async def test_a_job_that_crashed_and_recovered_tells_where_and_how_it_went_on(farm: TenantOnFarm) -> None:
    await farm.register(0)
    await farm.register(1)
    job = await farm.job(frames=60)
    await crash(farm, job, 0)
    told = await farm.reasons(job)
    assert told[0][0] == "job.retrying" and "node.engine_crash" in told[0][1]
    part = await farm.assign(job, 1)
    await drawn(farm, part, job, 1)
    found = await farm.explained(job)
    assert [crash["text"] for crash in found["crashes"]] == ["part 1 crashed once on node-0 (engine crash)"]
    types = [step["type"] for step in found["events"]]
    assert types.index("render.part.ended") < types.index("render.segment.verified") and found["segments_done"] == 1
    positions = [step["position"] for step in found["events"]]
    assert positions == sorted(positions) and positions[0] > 0


async def test_a_failed_job_names_the_code_and_each_crash_by_part_and_node(farm: TenantOnFarm) -> None:
    await farm.register(0)
    await farm.register(1)
    job = await farm.job()
    await crash(farm, job, 0)
    await crash(farm, job, 1)
    found = await farm.explained(job)
    assert [(reason["code"], reason["detail"].partition(":")[0]) for reason in found["reasons"]] == [("job.failed", "template.set_aside")]
    assert [crash["text"] for crash in found["crashes"]] == [
        "part 1 crashed once on node-0 (engine crash)",
        "part 2 crashed once on node-1 (engine crash)",
    ]
    assert "its template was set aside" in "\n".join(told(found))


async def test_a_job_whose_frames_a_person_doubts_says_that_they_are_drawn_again(farm: TenantOnFarm) -> None:
    await farm.register(0)
    job = await farm.job(frames=60)
    part = await farm.assign(job, 0)
    await drawn(farm, part, job, 0)
    await farm.do(RequestRepair(job_id=job, frames=(0,), reason="it flickers"), job=job)
    assert ("job.repairing", "1 segment is drawn again: a person asked (it flickers)") in await farm.reasons(job)
    texts = [event["text"] for event in (await farm.explained(job))["events"]]
    assert "1 segment of it to be repaired (person): it flickers" in texts and "1 segment is to be drawn again" in texts


async def test_a_finished_film_that_could_not_be_repaired_says_why(farm: TenantOnFarm) -> None:
    await farm.register(0)
    job = await farm.job(frames=30)
    part = await farm.assign(job, 0)
    await drawn(farm, part, job, 0)
    join = AssignPart(kind="assemble", subject_id=job, node_id=farm.nodes[0], node_epoch=1)
    [joining] = [event for event in await farm.do(join, actor="scheduler", job=job) if isinstance(event, PartAssigned)]
    place = export_object_key(farm.tenant, job, joining.epoch, joining.part_id)
    facts = {"object_key": place, "sha256": sha(job), "bytes": 9, "frames": 30, "duration": 1.0, "packets_sha256": "p"}
    await farm.do(ReportExport(part_id=joining.part_id, epoch=joining.epoch, **facts), actor=f"node:{farm.nodes[0]}", job=job)
    assert await farm.reasons(job) == []
    await farm.do(LeaveNode(), actor=f"node:{farm.nodes[0]}", tenant=PLATFORM)
    key = part.keys[0]
    rot = ReportRot(key=key, object_key=segment_object_key(farm.tenant, key, part.epoch, part.part_id), found_sha256="")
    await farm.do(rot, actor="scrubber", job=job)
    [(code, detail)] = await farm.reasons(job)
    assert code == "job.unrepaired" and "render.build_gone" in detail and "render it anew" in detail


async def test_a_cancelled_job_says_by_whom(farm: TenantOnFarm) -> None:
    job = await farm.job()
    await farm.do(CancelJob(job_id=job), actor="key:anna", job=job)
    found = await farm.explained(job)
    assert found["reasons"] == [{"code": "job.cancelled", "detail": "cancelled by key:anna"}]
    assert told(found)[-1].endswith("cancelled")


async def test_another_tenants_job_is_not_explained(farm: TenantOnFarm) -> None:
    assert await farm.explained(await farm.job(), tenant=uuid4()) == {}
