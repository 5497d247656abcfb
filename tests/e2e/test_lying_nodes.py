"""A node that was let in and lies: each lie is refused with a reason, recorded, and costs nobody else anything."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import nats
import pytest
import pytest_asyncio
from msgspec.structs import replace

from adapters.nats import PublishForbidden, StreamError
from adapters.presign import CREATE_ONLY
from contracts.catalogue import part_tick_subject
from contracts.envelope import first
from contracts.message import Report, decode, encode, type_of
from contracts.node import (
    OLDEST,
    PROTOCOL,
    DrawPart,
    Heartbeat,
    Manifest,
    PartTick,
    ReportCrash,
    ReportExport,
    ReportFailure,
    ReportInspection,
    ReportSegment,
    SegmentTask,
)
from contracts.render.jobs import CancelJob, JobProgress
from contracts.render.parts import AssignPart
from deploy.local.stack import Stack
from templates.samples import simple
from tests.chaos.tenants import Tenants
from tests.e2e.support_http import Http, Json
from tests.e2e.support_rogue import Rogue, manifest, segments
from tests.e2e.support_shop import Shop, open_shop, same_film_beside

pytestmark = pytest.mark.timeout(180)
REFUSALS = """
    select count(*) from log.events where body::jsonb ->> 'command_id' = $1 and actor = $2
      and type in ('evt.render.command.refused.v1', 'evt.render.command.quarantined.v1')
"""
OTHER = "0" * 64


class Captive(NamedTuple):
    """A film of which the liar holds a part, while nobody else has drawn it."""

    http: Http
    tenant: UUID
    project: str
    job: UUID
    work: DrawPart
    manifest: Manifest

    @property
    def segment(self) -> SegmentTask:
        return segments(self.manifest)[0]

    def report(self, **changed: Any) -> ReportSegment:
        """The report that an honest node would make of the first segment."""
        told: dict[str, Any] = {"part_id": self.work.part_id, "epoch": self.work.epoch, "key": self.segment.key, "seconds": 0.1}
        told |= {"object_key": self.segment.object_key, "sha256": OTHER, "bytes": 1000, "frames": self.segment.count, "difference": 0.0}
        return ReportSegment(**told | changed)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    async with open_shop(stack) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(stack: Stack) -> AsyncIterator[Http]:
    async with Http(stack.url, stack.api_key) as http:
        yield http


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rogue(stack: Stack, admin: Http, shop: Shop) -> AsyncIterator[Rogue]:
    conn = await asyncpg.connect(stack.servers.pg_admin_dsn)
    async with Rogue(stack, admin, conn) as one:
        yield one
    await conn.close()


@pytest_asyncio.fixture(loop_scope="session")
async def flooder(stack: Stack, admin: Http, rogue: Rogue) -> AsyncIterator[Rogue]:
    async with Rogue(stack, admin, rogue.conn, "flooder") as one:
        yield one


@asynccontextmanager
async def alone(stack: Stack, admin: Http, rogue: Rogue) -> AsyncIterator[None]:
    """The liar is the only node that gets work."""
    for node in stack.node_ids:
        await admin.post(f"/v1/nodes/{node}/maintain", {})
    verdict = await rogue.register(slots=4)  # being the only one, it may also be given what others have under way
    assert verdict.state == "done", verdict
    try:
        yield
    finally:
        for node in stack.node_ids:
            await admin.post(f"/v1/nodes/{node}/open", {})


@asynccontextmanager
async def captive(stack: Stack, admin: Http, rogue: Rogue) -> AsyncIterator[Captive]:
    """A film of a tenant of its own: the liar gets a part of it, then the honest nodes are back."""
    async with neighbour(stack, "captive") as (http, tenant, project):
        async with alone(stack, admin, rogue):
            one = await caught(http, tenant, project, rogue)
        yield one


@asynccontextmanager
async def neighbour(stack: Stack, name: str) -> AsyncIterator[tuple[Http, UUID, str]]:
    """A tenant of its own: its way in, and a project of its, which honest nodes have looked at."""
    async with Tenants(stack) as tenants:
        tenant = await tenants.new(name)
    async with Http(stack.url, tenant.api_key) as http:
        yield http, tenant.id, (await http.template("theirs.json", simple("neighbour", 1)))["project_id"]


async def caught(http: Http, tenant: UUID, project: str, rogue: Rogue) -> Captive:
    """A film of that tenant of which the liar, being alone, gets a part."""
    job = UUID(await http.render(project))
    work = await rogue.given("render", job)
    return Captive(http, tenant, project, job, work, await manifest(work, http))


async def freed(one: Captive, rogue: Rogue, shop: Shop) -> Json:
    """The film as it comes out once the liar is gone: the very same as without it."""
    await rogue.leave()
    film = await one.http.ended(str(one.job))
    assert (film["state"], film["sha256"]) == ("completed", shop.reference["sha256"]), film
    return film


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def held(stack: Stack, admin: Http, rogue: Rogue, shop: Shop) -> AsyncIterator[Captive]:
    """One film that is lied about in many ways; in the end it comes out as if nothing had been."""
    async with captive(stack, admin, rogue) as one:
        yield one
        await freed(one, rogue, shop)


async def recorded(rogue: Rogue, id: UUID) -> None:
    """The refusal stands in the log, under the name of the node that lied."""
    async with asyncio.timeout(10):
        while not await rogue.conn.fetchval(REFUSALS, str(id), f"node:{rogue.id}"):
            await asyncio.sleep(0.05)


def export(one: Captive, **changed: Any) -> ReportExport:
    told: dict[str, Any] = {"part_id": one.work.part_id, "epoch": one.work.epoch, "object_key": "exports/x.mp4", "sha256": OTHER}
    return ReportExport(**told | {"bytes": 1, "frames": 10, "duration": 1.0, "packets_sha256": OTHER} | changed)


Lie = Callable[[Captive], Report]
LIES: dict[str, tuple[Lie, str, str]] = {
    "one frame too many": (lambda one: one.report(frames=one.segment.count + 1), "render.wrong_frames", "has 10 frames"),
    "less than no frames": (lambda one: one.report(frames=-1), "render.wrong_frames", "has 10 frames"),
    "more frames than any number can count": (lambda one: one.report(frames=2**70), "render.wrong_frames", "has 10 frames"),
    "more bytes than the database can count": (lambda one: one.report(bytes=2**70), "render.out_of_bounds", "bytes must be 1 to"),
    "a segment of no bytes": (lambda one: one.report(bytes=0), "render.out_of_bounds", "bytes must be 1 to"),
    "seconds that have not passed": (lambda one: one.report(seconds=1e300), "render.out_of_bounds", "seconds must be 0.0 to"),
    "seconds of the past": (lambda one: one.report(seconds=-1.0), "render.out_of_bounds", "seconds must be 0.0 to"),
    "a difference that no pictures have": (lambda one: one.report(difference=1e9), "render.out_of_bounds", "difference must be 0.0 to 255"),
    "a segment that it does not hold": (lambda one: one.report(key="f" * 64), "render.foreign_segment", "does not hold segment"),
    "an object of another place": (lambda one: one.report(object_key="files/of/another"), "render.foreign_object", "must lie at"),
    "an object of another epoch": (
        lambda one: one.report(object_key=one.segment.object_key.replace("/1-", "/2-")),
        "render.foreign_object",
        "must lie at",
    ),
    "a hash that is none": (lambda one: one.report(sha256="../../etc"), "render.sha256", "is not a SHA-256"),
    "a part that nobody has": (lambda one: one.report(part_id=uuid4()), "render.foreign_part", "was never given to"),
    "an old epoch": (lambda one: one.report(epoch=one.work.epoch - 1), "render.stale_lease", "under epoch 1"),
    "an epoch of the future": (lambda one: one.report(epoch=one.work.epoch + 1), "render.stale_lease", "under epoch 1"),
    "an export that was never joined": (lambda one: export(one, object_key="x"), "render.not_waiting", "is of kind render"),
    "an inspection of a file that it was not given": (
        lambda one: ReportInspection(part_id=one.work.part_id, epoch=one.work.epoch, kind="lottie", sha256=OTHER),
        "render.not_waiting",
        "is of kind render",
    ),
    "an inspection of a part that nobody has": (
        lambda one: ReportInspection(part_id=uuid4(), epoch=1, kind="lottie"),
        "render.foreign_part",
        "was never given to",
    ),
    "the failure of a part that nobody has": (
        lambda one: ReportFailure(part_id=uuid4(), epoch=1, code="template.bad", detail="x"),
        "render.foreign_part",
        "was never given to",
    ),
    "a crash in a part that nobody has": (
        lambda one: ReportCrash(kind="engine_crash", part_id=uuid4(), epoch=1),
        "render.foreign_part",
        "was never given to",
    ),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_report_that_is_not_true_is_refused_with_its_reason_and_recorded(held: Captive, rogue: Rogue, lie: str) -> None:
    tell, code, reason = LIES[lie]
    id = await rogue.say(tell(held), tenant=held.tenant)
    verdict = await rogue.verdict(id)
    assert verdict.state == ("refused" if code else "quarantined"), verdict
    assert (not code or verdict.code == code) and reason in verdict.detail, verdict
    await recorded(rogue, id)
    assert held.work.part_id in rogue.work, "the lie does not end the lease: what is true may still be reported"
    told = await rogue.told(id)
    assert (told.code, told.detail) == (verdict.code, verdict.detail), "the node hears why"


async def test_a_part_of_another_tenant_is_nobodys(held: Captive, rogue: Rogue, shop: Shop) -> None:
    for tenant in (shop.tenant.id, uuid4()):
        id = await rogue.say(held.report(), tenant=tenant)
        assert (await rogue.verdict(id)).state in ("refused", "quarantined")
        await recorded(rogue, id)


async def test_one_report_sent_again_is_judged_and_recorded_once(held: Captive, rogue: Rogue) -> None:
    id = await rogue.say(held.report(frames=99), tenant=held.tenant)
    verdict = await rogue.verdict(id)
    for frames in (99, held.segment.count):  # the same words, and better ones under the same id
        await rogue.say(held.report(frames=frames), tenant=held.tenant, id=str(id))
    after = await rogue.say(held.report(frames=98), tenant=held.tenant)  # in order: what came before it is judged too
    await recorded(rogue, after)
    assert await rogue.verdict(id) == verdict
    assert await rogue.conn.fetchval(REFUSALS, str(id), f"node:{rogue.id}") == 1


async def test_a_node_cannot_speak_as_another(held: Captive, rogue: Rogue, stack: Stack) -> None:
    honest = stack.node_ids[0]
    report = held.report()
    with pytest.raises(PublishForbidden):
        await rogue.send(type_of(report).subject(honest), encode(report), first(report, tenant=held.tenant).headers())
    for said in (
        AssignPart(kind="render", subject_id=held.job, node_id=rogue.id, node_epoch=1, first=0, count=1),
        CancelJob(job_id=held.job),
    ):
        with pytest.raises(PublishForbidden):
            await rogue.send(type_of(said).subject(held.tenant), encode(said), first(said, tenant=held.tenant).headers())
    await rogue.nc.publish(part_tick_subject().replace("*", str(honest)), b"{}")
    await rogue.nc.flush()
    async with asyncio.timeout(10):
        while not any(f"tick.{honest}" in subject for subject in rogue.nc.refusals):
            await asyncio.sleep(0.02)
    as_honest = await rogue.say(held.report(part_id=uuid4()), tenant=held.tenant, actor=f"node:{honest}")
    await recorded(rogue, as_honest)  # under its own name, whatever the header says


async def test_only_the_holder_of_a_part_moves_its_progress(held: Captive, rogue: Rogue, stack: Stack) -> None:
    heard: list[JobProgress] = []
    nc = await nats.connect(stack.servers.nats_admin_url)

    async def hear(msg: Any) -> None:
        tick = decode(type_of(JobProgress).full_name, msg.data)
        assert isinstance(tick, JobProgress)
        heard.append(tick)

    await nc.subscribe(type_of(JobProgress).subject(held.tenant), cb=hear)
    await nc.flush()
    true = PartTick(part_id=held.work.part_id, subject_id=held.job, tenant_id=held.tenant, node_name=rogue.name, frames=3, frame=3)
    for lie in (
        replace(true, part_id=uuid4()),
        replace(true, frames=10**6),
        replace(true, frames=-5),
        replace(true, node_name="x" * 10_000),
    ):
        await rogue.nc.publish(type_of(lie).subject(rogue.id), encode(lie))
    await asyncio.sleep(1.0)  # longer than between two ticks of a job
    assert heard == []
    await rogue.nc.publish(type_of(true).subject(rogue.id), encode(true))
    async with asyncio.timeout(10):
        while not heard:
            await asyncio.sleep(0.02)
    assert (heard[0].frames_done, heard[0].nodes) == (3, {rogue.name: 3})
    await nc.close()


def unreadable(rogue: Rogue, one: Captive) -> list[tuple[str, bytes, dict[str, str] | None]]:
    """Subject, body and headers that no node sends."""
    report = one.report()
    subject = type_of(report).subject(rogue.id)

    def headers(**changed: str) -> dict[str, str]:
        return first(report, tenant=one.tenant).headers() | {f"ce-{name}": value for name, value in changed.items()}

    bodies = (b"", b"\x00\xff\x00", b"null", b"[]", b"{}", b"[" * 50_000, b"x" * 100_000, encode(report)[:-1], b'{"part_id":1}')
    changes: tuple[dict[str, str], ...] = (
        {"tenant": "nobody"},
        {"time": "now"},
        {"time": "2020-01-01T00:00:00"},
        {"reply": ">"},
        {"actor": "\x7f"},
        {"type": "report.render.segment.invent.v1"},
        {"type": "report.render.segment.report.v99"},
        {"type": "cmd.render.job.cancel.v1"},
        {"id": "x"},
    )
    return [
        *((subject, body, headers()) for body in bodies),
        *((subject, encode(report), headers(**change)) for change in changes),
        (subject, encode(report), None),
        (f"report.{rogue.id}.render.no.such.v1", b"{}", headers()),
        (f"report.{rogue.id}.render.job.cancel.v1", encode(CancelJob(job_id=one.job)), headers(type="cmd.render.job.cancel.v1")),
        (f"report.{rogue.id}.render.short", b"{}", headers()),
    ]


async def quarantined(rogue: Rogue) -> int:
    return int(await rogue.conn.fetchval("select count(*) from render.inbox where state = 'quarantined'"))


async def test_what_cannot_be_read_is_set_aside_and_the_next_report_is_heard(held: Captive, rogue: Rogue) -> None:
    garbage = unreadable(rogue, held)
    before = await quarantined(rogue)
    for subject, body, headers in garbage:
        await rogue.send(subject, body, headers)
        assert (await rogue.judged(held.report(frames=7), tenant=held.tenant)).code == "render.wrong_frames"
    assert await quarantined(rogue) == before + len(garbage)


@pytest.mark.parametrize("size", [200_000, 1_000_000])
async def test_a_report_too_large_is_not_even_taken(held: Captive, rogue: Rogue, size: int) -> None:
    report = held.report()
    with pytest.raises(StreamError, match="maximum"):
        await rogue.send(type_of(report).subject(rogue.id), b"x" * size, first(report, tenant=held.tenant).headers())
    assert (await rogue.judged(held.report(frames=7), tenant=held.tenant)).code == "render.wrong_frames"


@pytest.mark.parametrize(
    ("offer", "code", "reason"),
    [
        ({"protocol": PROTOCOL + 1}, "node.protocol", f"speaks protocol {PROTOCOL}"),
        ({"protocol": -1}, "node.protocol", "install the farm's release"),
        ({"protocol": OLDEST}, "node.protocol", "install the farm's release"),
        ({"slots": 0}, "node.slots", "1 to 256"),
        ({"slots": 10**9}, "node.slots", "1 to 256"),
        ({"name": "\x00"}, "", ""),
    ],
)
async def test_a_registration_that_cannot_be_is_refused_with_its_reason(
    held: Captive, rogue: Rogue, offer: dict[str, Any], code: str, reason: str
) -> None:
    verdict = await rogue.register(**offer)
    assert verdict.state == ("refused" if code else "quarantined"), verdict
    assert (not code or verdict.code == code) and reason in verdict.detail, verdict
    assert held.work.part_id in rogue.work, "it stays what it was"


async def test_heartbeats_with_absurd_numbers_cost_no_other_node_its_row(held: Captive, rogue: Rogue, stack: Stack) -> None:
    absurd = Heartbeat(name="x" * 10_000, epoch=-5, parts=tuple(rogue.work), cpu=1e300, memory=-(2**70), disk_free=2**70, load=-1e300)
    began = datetime.now(UTC)
    for body in (
        b"",
        b"{",
        encode(absurd),
        b'{"name":"x","epoch":0,"parts":["x"]}',
        b'{"name":"x","epoch":0,"parts":[],"cpu":1e999}',
        b"x" * 500_000,
    ):
        await rogue.nc.publish(type_of(absurd).subject(rogue.id), body)
    fresh = "select count(distinct node_id) from render.node_health_logs where at > $1 and node_id = any($2)"
    async with asyncio.timeout(40):
        while await rogue.conn.fetchval(fresh, began, [rogue.id, *stack.node_ids]) < 3:
            await asyncio.sleep(0.2)


WRONG_OBJECTS: dict[str, tuple[bytes, str]] = {  # what it stores, and the SHA-256 that it tells
    "no object at all": (b"", OTHER),
    "other bytes than it tells": (b"nothing like a film", OTHER),
    "bytes that are no film": (b"nothing like a film", sha256(b"nothing like a film").hexdigest()),
}


@pytest.mark.parametrize("lie", WRONG_OBJECTS)
async def test_a_segment_that_is_not_what_was_told_is_drawn_again_and_the_film_is_the_same(
    stack: Stack, admin: Http, rogue: Rogue, shop: Shop, lie: str
) -> None:
    data, told = WRONG_OBJECTS[lie]
    await rogue.leave()
    async with captive(stack, admin, rogue) as one:
        for task in segments(one.manifest):
            if data:
                async with one.http.plain.put(task.put_url, data=data, headers=CREATE_ONLY) as answer:
                    assert answer.status == 200, await answer.text()
                for headers in ({}, CREATE_ONLY):
                    async with one.http.plain.put(task.put_url, data=b"something else", headers=headers) as answer:
                        assert answer.status in (403, 412), "what was sent is replaced"
            report = one.report(key=task.key, object_key=task.object_key, frames=task.count, sha256=told, bytes=1000)
            assert (await rogue.judged(report, tenant=one.tenant)).state == "done"
            again = await rogue.judged(report, tenant=one.tenant)
            assert again.code in ("", "render.stale_lease"), again
        await freed(one, rogue, shop)
        log = await rogue.conn.fetchval(
            "select count(*) from log.events where tenant_id = $1 and type = 'evt.render.segment.verified.v1'", one.tenant
        )
        assert log == 2 * len(segments(one.manifest)), "the lie was believed once, and found out"


@pytest.mark.parametrize("stored", [b"", b"<html>"], ids=["nothing", "other bytes"])
async def test_a_film_that_is_not_what_was_told_is_never_served_and_is_joined_by_another_node(
    stack: Stack, admin: Http, rogue: Rogue, shop: Shop, stored: bytes
) -> None:
    await rogue.leave()
    async with neighbour(stack, "robbed") as (http, tenant, project):
        async with alone(stack, admin, rogue):
            one = await caught(http, tenant, project, rogue)
            for task in segments(one.manifest):
                told = one.report(key=task.key, object_key=task.object_key, frames=task.count)
                assert (await rogue.judged(told, tenant=tenant)).state == "done"
            joining = await rogue.given("assemble", one.job)
            given = await manifest(joining, http)
            told_export = export(one, part_id=joining.part_id, epoch=joining.epoch, object_key=given.object_key)
            if stored:
                told_export = replace(told_export, bytes=len(stored))
                async with http.plain.put(given.put_url, data=stored, headers=CREATE_ONLY) as answer:
                    assert answer.status == 200, await answer.text()
            assert (await rogue.judged(told_export, tenant=tenant)).state == "done"
        await rogue.leave()
        looked = [await http.get(f"/v1/renders/{one.job}")]
        film = await http.until(f"/v1/renders/{one.job}", lambda row: looked.append(row) or row["sha256"] == shop.reference["sha256"])
        assert film["state"] == "completed"
        assert not [row for row in looked if row["url"] and row["sha256"] != shop.reference["sha256"]]


async def flood(rogue: Rogue, count: int) -> None:
    """As much garbage as it can send: half of it unreadable, half of it about parts that nobody has."""
    report = ReportSegment(part_id=uuid4(), epoch=1, key="", object_key="", sha256="", bytes=0, frames=0, difference=0.0, seconds=0.0)
    subject = type_of(report).subject(rogue.id)
    for number in range(count):
        if number % 2:
            await rogue.nc.publish(subject, encode(report), headers=first(report).headers())
        else:
            await rogue.nc.publish(subject, b"garbage")
        if number % 200 == 0:
            await asyncio.sleep(0)
    await rogue.nc.flush()


FLOOD = 5000
LOGGED = "select count(*) from log.events where actor = $1"


async def test_a_flood_of_garbage_stops_neither_films_nor_other_commands(stack: Stack, admin: Http, flooder: Rogue, shop: Shop) -> None:
    assert (await flooder.register()).state == "done"
    before, began = await flooder.conn.fetchval(LOGGED, f"node:{flooder.id}"), monotonic()
    flooding = asyncio.create_task(flood(flooder, FLOOD))
    async with same_film_beside(shop, stack):
        for number in range(5):
            token = await admin.post("/v1/join-tokens", {"note": f"beside the flood {number}"})
            assert token["token"]
    await flooding
    sent = monotonic() - began
    rows = await admin.until(
        "/v1/nodes", lambda rows: any(UUID(row["node_id"]) == flooder.id and row["service"] == "set_aside" for row in rows["data"])
    )
    (row,) = (row for row in rows["data"] if UUID(row["node_id"]) == flooder.id)
    assert "of its reports within a minute" in row["service_reason"], row
    async with asyncio.timeout(30):
        while await waiting(flooder):
            await asyncio.sleep(0.05)
    stored = await flooder.conn.fetchval(LOGGED, f"node:{flooder.id}") - before
    assert 0 < stored < FLOOD / 4, "what a flood was made of stands in the log, but not all of it"
    print(f"{FLOOD} sent, film beside it after {sent:.1f} s, all decided after {monotonic() - began:.1f} s, {stored} events in the log")


async def waiting(flooder: Rogue) -> int:
    """Commands to the render domain that nobody has decided yet."""
    nc = await nats.connect(flooder.stack.servers.nats_admin_url)
    try:
        return int((await nc.jetstream().consumer_info("REPORTS", "render")).num_pending)
    finally:
        await nc.close()


async def test_replay_gives_what_the_lies_left(stack: Stack, rogue: Rogue) -> None:
    command = [sys.executable, "-m", "cli", "replay", "--verify", "--data", str(stack.data)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
