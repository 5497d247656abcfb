"""Messages that no client can send and a broken or hostile process might: each is set aside alone, and its consumer goes on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import nats
import pytest
import pytest_asyncio

from cli import quarantine
from contracts.content.projects import CreateProject
from contracts.envelope import first
from contracts.file_mgr.uploads import StartUpload
from contracts.message import Command, encode, type_of
from contracts.node import ReportExport, ReportFailure, ReportSegment, report_id
from contracts.render.jobs import CancelJob
from contracts.render.parts import AssignPart
from deploy.local.stack import Stack
from templates.samples import heavy
from tests.e2e.support_shop import Shop, open_shop

pytestmark = pytest.mark.timeout(240)  # the first of them starts the product
START = type_of(StartUpload)


class Broker:
    """The broker and the database as their administrators see them."""

    def __init__(self, nc: Any, conn: asyncpg.Connection) -> None:
        self._js, self.conn = nc.jetstream(), conn

    async def send(self, subject: str, body: bytes, headers: dict[str, str] | None) -> None:
        """Store a message in whatever stream takes its subject."""
        await self._js.publish(subject, body, headers=headers)

    async def outcome(self, domain: str, id: UUID) -> tuple[str, str]:
        """State and problem code of a command, once it is decided."""
        statement = f"select state, outcome->'problem'->>'code' as code from {domain}.inbox where id = $1"
        while not (row := await self.conn.fetchrow(statement, id)):
            await asyncio.sleep(0.05)
        return row["state"], row["code"] or ""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def broker(stack: Stack) -> AsyncIterator[Broker]:
    """Connected as administrator."""
    nc = await nats.connect(stack.servers.nats_admin_url)
    conn = await asyncpg.connect(stack.servers.pg_admin_dsn)
    yield Broker(nc, conn)
    await nc.close()
    await conn.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    """A customer to send them for."""
    async with open_shop(stack) as opened:
        yield opened


def poison(tenant: UUID) -> list[tuple[str, bytes, dict[str, str] | None]]:
    """Subject, body and headers of commands that cannot be read, decided or stored."""
    subject, fine = START.subject(tenant), encode(StartUpload(name="fine", bytes=5))

    def headers(**changed: str) -> dict[str, str]:
        return first(StartUpload(name="x", bytes=5), tenant=tenant).headers() | {f"ce-{name}": value for name, value in changed.items()}

    bodies = (b"", b"\x00\xff\x00", b'{"name":"a\x00"}', b'{"name":"\\ud800","bytes":5}')
    changes: tuple[dict[str, str], ...] = (
        {"tenant": "nobody"},
        {"tenant": str(uuid4())},
        {"time": "now"},
        {"time": "2020-01-01T00:00:00"},
        {"actor": "\x00"},
        {"actor": "a" * 3000},
        {"reply": "a b"},
        {"reply": ">"},
        {"reply": subject},
        {"request": "\x00"},
        {"type": "cmd.no.such.thing.v1"},
    )
    return [
        *((subject, body, headers()) for body in bodies),
        *((subject, fine, headers(**change)) for change in changes),
        (subject, fine, None),
        (subject, b"\x00", None),
        (f"cmd.{tenant}.file_mgr.no.such.v1", b"{}", headers()),
        ("cmd.x.file_mgr.short", b"{}", None),
    ]


async def test_what_cannot_be_handled_is_set_aside_alone_and_may_be_driven_again(shop: Shop, stack: Stack, broker: Broker) -> None:
    tenant = shop.tenant.id
    before = len(await quarantine.held(broker.conn))
    bad, good = poison(tenant), []
    for subject, body, headers in bad:
        await broker.send(subject, body, headers)
        fine = StartUpload(name="fine", bytes=5)
        envelope = first(fine, tenant=tenant)
        good.append(envelope.id)
        await broker.send(START.subject(tenant), encode(fine), envelope.headers())  # the very next in its batch
    assert {await broker.outcome("file_mgr", id) for id in good} == {("done", "")}
    unstorable = CreateProject(name="\x00", file_id=UUID(shop.file))
    envelope = first(unstorable, tenant=tenant)
    await broker.send(type_of(unstorable).subject(tenant), encode(unstorable), envelope.headers())
    assert (await broker.outcome("content", envelope.id))[0] == "quarantined"
    while len(held := await quarantine.held(broker.conn)) < before + len(bad) + 1:
        await asyncio.sleep(0.05)  # what is set aside is stored by itself, perhaps after the batch that it came with
    assert len(held) == before + len(bad) + 1 and all(one.reason for one in held)
    await quarantine.redrive(broker.conn, stack.servers.nats_admin_url, None, envelope.id)
    while (await broker.outcome("content", envelope.id))[0] == "reopened":
        await asyncio.sleep(0.05)
    assert (await broker.outcome("content", envelope.id))[0] == "quarantined", "it is as bad as before, and is set aside again"
    assert (await shop.http.open_upload("after.bin", 5))["state"] == "open"


async def test_a_node_reports_only_what_it_was_given_and_only_as_it_is(shop: Shop, broker: Broker) -> None:
    project = (await shop.http.template("heavy.json", heavy(4)))["project_id"]
    job = (await shop.http.post("/v1/renders", {"project_id": project, "width": 640, "height": 360}))["job_id"]
    await shop.http.until(f"/v1/renders/{job}", lambda row: row["state"] != "queued")
    part = await broker.conn.fetchrow(
        "select part_id, node_id, epoch, keys->>0 as key from render.render_parts where subject_id = $1 and kind = 'render'", UUID(job)
    )
    node, rogue, key = part["node_id"], uuid4(), part["key"]
    lease = {"part_id": part["part_id"], "epoch": part["epoch"]}
    seen = {"object_key": "files/of/another", "sha256": "0" * 64, "bytes": 1, "frames": 30}
    segment: dict[str, Any] = {**lease, **seen, "key": key, "difference": 0.0, "seconds": 0.1}
    export = ReportExport(**lease, **seen, duration=4.0, packets_sha256="0" * 64)
    assign = AssignPart(kind="render", subject_id=UUID(job), node_id=rogue, node_epoch=1, first=0, count=1)
    forged: list[tuple[Command, UUID, str, set[str]]] = [
        (ReportSegment(**segment), rogue, "", {"render.foreign_part"}),
        (ReportFailure(**lease, code="x.y", detail="z"), rogue, "", {"render.foreign_part"}),
        (ReportSegment(**segment | {"epoch": 7}), node, "", {"render.stale_lease"}),
        (ReportSegment(**segment | {"frames": -1}), node, "", {"render.wrong_frames", "render.stale_lease"}),
        (ReportSegment(**segment | {"key": "f" * 64}), node, "", {"render.foreign_segment", "render.stale_lease"}),
        (ReportSegment(**segment), node, "", {"render.foreign_object", "render.stale_lease"}),
        (export, node, "", {"render.not_waiting", "render.stale_lease"}),
        (CancelJob(job_id=UUID(job)), node, f"report.{node}.render.job.cancel.v1", {"command.quarantined"}),
        (assign, node, f"report.{node}.render.part.assign.v1", {"command.quarantined"}),
    ]
    for message, sender, subject, codes in forged:
        envelope = first(message, tenant=shop.tenant.id, actor=f"node:{node}")  # the header lies, the subject does not
        await broker.send(subject or type_of(message).subject(sender), encode(message), envelope.headers())
        _, code = await broker.outcome("render", report_id(subject.split(".")[1] if subject else sender, envelope.id))
        assert code in codes, (message, code)
    film = await shop.http.ended(job)
    assert (film["state"], film["frames_done"]) == ("completed", 120), film
