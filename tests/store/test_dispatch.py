"""Work reaches nodes: what a leader that died did not send is sent by its successor, and nothing for leases that are over."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from consumers.render import DOMAIN
from consumers.render.parts import dispatch
from consumers.render.parts.tools import RenderTools
from consumers.runtime.effects.runner import EffectRunner
from contracts.message import PLATFORM
from contracts.node import OLDEST, PROTOCOL, DrawPart, Manifest, RegisterNode
from contracts.render.jobs import CancelJob, SubmitJob
from contracts.render.parts import AssignPart, PartAssigned
from contracts.render.segments import SegmentsPlanned
from contracts.spec import RenderSpec, SceneSpec
from tests.support.effects import call_of
from tests.support.in_process import InProcessDomains
from tests.support.leading import leads
from tests.support.password import PASSWORD
from tests.support.sample_history import sha


class Sent:
    """Stands for the broker and the store."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away
        self.work: list[tuple[DrawPart, Any, Any]] = []
        self.calls, self.failed = 0, False
        self.objects: dict[str, bytes] = {}

    async def publish_all(self, kind: type, messages: Any) -> None:
        self.calls += 1
        self.failed = self.away and self.calls == 1
        if self.failed:
            raise OSError("the broker is away")
        self.work += [(msgspec.json.decode(body, type=DrawPart), envelope, scope) for body, envelope, scope in messages]

    def presign_put(self, key: str, seconds: int, *, replaces: bool = False) -> str:
        return f"put {key} again and again" if replaces else f"put {key} once"

    def presign_get(self, key: str, seconds: int) -> str:
        return f"get {key}"

    async def put(self, key: str, body: bytes) -> None:
        self.objects[key] = body


async def leased(
    in_process: InProcessDomains, runs: tuple[tuple[int, int], ...] = ((1, 1), (2, 2)), seconds: int = 1
) -> tuple[UUID, UUID, PartAssigned, PartAssigned]:
    """A node that holds leases of these runs of a job, whose scenes have 40 and 31 frames, or one scene of so many seconds."""
    tenant, node, job = await in_process.tenant(), uuid4(), uuid4()
    await in_process.send(
        RegisterNode(protocol=PROTOCOL, name="n", slots=2, engine_build=str(node), encoder_build="x", version="0", platform="linux"),
        PLATFORM,
        actor=f"node:{node}",
    )
    lengths = (40, 31) if seconds == 1 else (30 * seconds,)
    scenes = tuple(SceneSpec(scene=str(n), bundle=sha(job, n), digest=sha(job, n), frames=n, duration=n / 30) for n in lengths)
    spec = RenderSpec(scenes=scenes, width=64, height=36)
    await in_process.send(SubmitJob(job_id=job, spec=spec, spec_sha256="s", priority=50), tenant)
    for first, count in runs:
        assign = AssignPart(kind="render", subject_id=job, node_id=node, node_epoch=1, first=first, count=count)
        await in_process.send(assign, tenant, actor="scheduler")
    one, two = [event for _, event in in_process.events if isinstance(event, PartAssigned) and event.subject_id == job]
    return tenant, node, one, two


async def publish(command: Any, envelope: Any) -> None:
    """Nothing is reported here."""


async def taken_over(database: str, sent: Sent, tenant: UUID, stopped: PartAssigned | None = None) -> list[tuple[DrawPart, Any, Any]]:
    """What a new leader sends to the nodes of a tenant; one part's node was told to stop."""
    creating = asyncpg.create_pool(database, user="render_app", password=PASSWORD, min_size=1, max_size=2)
    async with creating as pool, leads(database, "render") as leading:
        tools = RenderTools(sent, sent, pool)  # type: ignore[arg-type]
        if stopped is not None:
            tools.known.end(stopped.part_id)
        runner = EffectRunner(DOMAIN, pool, publish, tools, leading)
        await runner.take_over()
        async with asyncio.timeout(10):
            while runner.busy or not sent.calls or sent.failed:
                await asyncio.sleep(0.01)
    return [entry for entry in sent.work if entry[0].tenant_id == tenant]


async def test_a_successor_sends_every_lease_with_its_segments_to_its_node(in_process: InProcessDomains, database: str) -> None:
    tenant, node, one, two = await leased(in_process)
    work = await taken_over(database, Sent(), tenant)
    assert [(draw.part_id, scope, envelope.id) for draw, envelope, scope in work] == [(p.part_id, node, p.part_id) for p in (one, two)]
    planned = next(event for _, event in in_process.events if isinstance(event, SegmentsPlanned) and event.job_id == one.subject_id)
    manifests = [draw.manifest for draw, _, _ in work if draw.manifest is not None]
    drawn = [(task.key, task.first, task.count) for manifest in manifests for scene in manifest.scenes for task in scene.segments]
    assert drawn == [(segment.key, segment.first, segment.count) for segment in planned.segments[1:]]
    assert [[scene.frame_offset for scene in manifest.scenes] for manifest in manifests] == [[0], [40]]


async def test_a_successor_sends_nothing_for_leases_that_are_over(in_process: InProcessDomains, database: str) -> None:
    tenant, _, one, _ = await leased(in_process)
    await in_process.send(CancelJob(job_id=one.subject_id), tenant)
    assert await taken_over(database, Sent(), tenant) == []


async def test_work_that_cannot_be_sent_is_sent_later_each_by_itself(in_process: InProcessDomains, database: str) -> None:
    tenant, _, one, two = await leased(in_process)
    sent = Sent(away=True)
    work = await taken_over(database, sent, tenant)
    while len(work) < 2:
        await asyncio.sleep(0.01)
        work = [entry for entry in sent.work if entry[0].tenant_id == tenant]
    assert {draw.part_id for draw, _, _ in work} == {one.part_id, two.part_id} and sent.calls > 2


@pytest.mark.parametrize(("protocol", "how"), [(PROTOCOL, "once"), (OLDEST, "again and again")])
async def test_results_go_to_addresses_that_the_node_can_use(in_process: InProcessDomains, database: str, protocol: int, how: str) -> None:
    tenant, node, _, _ = await leased(in_process)
    await in_process.admin.execute("update render.render_nodes set protocol = $2 where node_id = $1", node, protocol)
    work = await taken_over(database, Sent(), tenant)
    assert {draw.protocol for draw, _, _ in work} == {protocol}
    urls = [task.put_url for draw, _, _ in work if draw.manifest for scene in draw.manifest.scenes for task in scene.segments]
    assert urls and all(url.endswith(f" {how}") for url in urls)


async def test_dispatch_keeps_no_rows(in_process: InProcessDomains) -> None:
    tenant, _, _, _ = await leased(in_process)
    assert await in_process.admin.fetchval("select count(*) from render.effects where tenant_id = $1", tenant) == 0


async def test_a_lease_that_ended_while_the_broker_was_away_is_not_sent_any_more(
    in_process: InProcessDomains, database: str, monkeypatch: Any
) -> None:
    tenant, _, one, two = await leased(in_process)
    monkeypatch.setattr(dispatch, "SOON", -1.0)  # every lease counts as one that may be over
    sent = Sent()
    async with asyncpg.create_pool(database, user="render_app", password=PASSWORD, min_size=1, max_size=2) as pool:
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute("set local app.tenants = '*'")
            left = [entry for entry in await dispatch.left_behind(conn) if entry[0].tenant_id == tenant]
        await in_process.admin.execute("update render.render_parts set state = 'expired' where part_id = $1", one.part_id)
        await dispatch.dispatch(left, RenderTools(sent, sent, pool))  # type: ignore[arg-type]
    assert [draw.part_id for draw, _, _ in sent.work] == [two.part_id]


async def test_work_that_waited_is_not_sent_behind_the_word_to_stop_it(in_process: InProcessDomains, database: str) -> None:
    tenant, _, one, two = await leased(in_process)
    told: list[Any] = []

    class Told(Sent):
        async def publish(self, message: Any, envelope: Any, *, scope: Any = None) -> None:
            told.append(message)

    tools = RenderTools(Told(), Sent(), None)  # type: ignore[arg-type]
    envelope = next(envelope for envelope, event in in_process.events if event is one)
    await dispatch.stop(dispatch.Stop(one.part_id, one.node_id), call_of(envelope), tools)
    assert [message.part_id for message in told] == [one.part_id] and list(tools.known.over) == [one.part_id]
    assert [draw.part_id for draw, _, _ in await taken_over(database, Sent(), tenant, one)] == [two.part_id]


async def test_a_manifest_that_is_too_large_for_a_message_is_fetched(in_process: InProcessDomains, database: str) -> None:
    tenant, _, _, _ = await leased(in_process, runs=((0, 150), (150, 1)), seconds=151)
    sent = Sent()
    large, small = [draw for draw, _, _ in await taken_over(database, sent, tenant)]
    assert large.manifest is None and large.manifest_url == f"get manifests/{tenant}/{large.part_id}"
    manifest = msgspec.json.decode(sent.objects[f"manifests/{tenant}/{large.part_id}"], type=Manifest)
    assert [task.first for task in manifest.scenes[0].segments] == [30 * n for n in range(150)]
    assert small.manifest is not None and len(sent.objects) == 1
