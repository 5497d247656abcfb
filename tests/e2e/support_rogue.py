"""A node that was let in like any other, gets work like any other, and then says what it likes."""

import asyncio
import contextlib
from hashlib import sha256
from time import monotonic
from types import TracebackType
from typing import Any, NamedTuple, Self
from uuid import UUID, uuid4

import asyncpg
import msgspec

from adapters.nats import Connection, Frame, PullConsumer, StreamError, ack, connect, store
from adapters.settings import Settings
from contracts.catalogue import WORK
from contracts.envelope import Envelope, first
from contracts.message import PLATFORM, Message, Report, Work, decode, encode, type_of
from contracts.node import PROTOCOL, CancelPart, DrawPart, Heartbeat, LeaveNode, RegisterNode, ReportRefused, SegmentTask, report_id
from deploy.local.stack import Stack
from tests.e2e.support_http import Http

SOON = 30.0  # seconds in which the farm has done what it must
BEAT = 0.5  # seconds between heartbeats
OUTCOME = "select state, outcome->'problem'->>'code' as code, outcome->'problem'->>'detail' as detail from render.inbox where id = $1"
BUILDS = "select engine_build, encoder_build from render.render_nodes where node_id = $1"


class Verdict(NamedTuple):
    """What became of a report: done, refused or quarantined, the refusal's code, and why."""

    state: str
    code: str
    detail: str


class Rogue:
    """Use as `async with`; `conn` is the administrator's connection to the database, `admin` a key of the installation."""

    def __init__(self, stack: Stack, admin: Http, conn: asyncpg.Connection, name: str = "rogue") -> None:
        self.stack, self._admin, self.conn, self.name = stack, admin, conn, name
        self.work: dict[UUID, DrawPart] = {}  # what it holds, by part
        self.heard: list[Message] = []  # all that the farm sent it
        self.beating = True
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        secret = uuid4().hex
        token = (await self._admin.post("/v1/join-tokens", {}))["token"]
        body = {"name": self.name, "secret_sha256": sha256(secret.encode()).hexdigest()}
        async with Http(self.stack.url, "") as stranger:
            answer = await stranger.post("/v1/nodes/join", body, Authorization=f"Bearer {token}")
        self.id = UUID(answer["node_id"])
        login = Settings(nats_url=answer["nats_url"], nats_user=answer["nats_user"], nats_password=secret)
        self.nc: Connection = await connect(login, self.name, within=20)
        self._tasks = [asyncio.create_task(self._pull()), asyncio.create_task(self._beat())]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._admin.post(f"/v1/nodes/{self.id}/revoke", {"reason": "it lies"})
        await self.nc.close()

    async def register(self, slots: int = 1, **changed: Any) -> Verdict:
        """Offer slots with the very builds that the honest nodes have."""
        builds = await self.conn.fetchrow(BUILDS, self.stack.node_ids[0])
        offer = {"protocol": PROTOCOL, "name": self.name, "slots": slots, "version": "0", "platform": "none", **dict(builds), **changed}
        return await self.verdict(await self.say(RegisterNode(**offer)))

    async def leave(self) -> None:
        """Give back what it holds."""
        await self.verdict(await self.say(LeaveNode()))
        self.work.clear()

    async def say(self, report: Report, *, tenant: UUID = PLATFORM, **headers: str) -> UUID:
        """Send a report as itself; the id by which it is found again. `headers` replace the envelope's."""
        envelope = first(report, tenant=tenant, actor=f"node:{self.id}")
        changed = {f"ce-{name}": value for name, value in headers.items()}
        await self.send(type_of(report).subject(self.id), encode(report), envelope.headers() | changed)
        return envelope.id

    async def send(self, subject: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Store any bytes on any subject. Raises StreamError when the broker refuses it."""
        await store(self.nc, [Frame(subject, lines(headers), body)])

    async def verdict(self, id: UUID) -> Verdict:
        """What became of a report, once it was decided."""
        async with asyncio.timeout(SOON):
            while not (row := await self.conn.fetchrow(OUTCOME, report_id(self.id, id))):
                await asyncio.sleep(0.02)
        return Verdict(row["state"], row["code"] or "", row["detail"] or "")

    async def judged(self, report: Report, **more: Any) -> Verdict:
        """Say it, and hear what became of it."""
        return await self.verdict(await self.say(report, **more))

    async def told(self, id: UUID) -> ReportRefused:
        """What the farm says to a report that it refused."""
        async with asyncio.timeout(SOON):
            while True:
                for work in self.heard:
                    if isinstance(work, ReportRefused) and work.report == id:
                        return work
                await asyncio.sleep(0.02)

    async def given(self, kind: str, subject: UUID) -> DrawPart:
        """The first part of this job or file that it is sent."""
        until = monotonic() + SOON
        while monotonic() < until:
            for work in list(self.work.values()):
                if (work.kind, work.subject_id) == (kind, subject):
                    return work
            await asyncio.sleep(0.02)
        held = [(work.kind, str(work.subject_id)) for work in self.work.values()]
        raise AssertionError(f"no {kind} of {subject} within {SOON} s; it holds {held} and was last told {self.heard[-3:]}")

    async def _pull(self) -> None:
        consumer = PullConsumer(self.nc, WORK, str(self.id), window=64)
        while True:
            with contextlib.suppress(StreamError):
                for msg in await consumer.next(64, 5.0):
                    await ack(msg)
                    work = decode(Envelope.read(msg.headers or {}).type, msg.data)
                    assert isinstance(work, Work)
                    self._take(work)

    def _take(self, work: Work) -> None:
        self.heard.append(work)
        if isinstance(work, DrawPart):
            self.work[work.part_id] = work
        elif isinstance(work, CancelPart):
            self.work.pop(work.part_id, None)

    async def _beat(self) -> None:
        while True:
            if self.beating:
                beat = Heartbeat(name=self.name, epoch=0, parts=tuple(self.work))
                await self.nc.publish(type_of(beat).subject(self.id), encode(beat))
            await asyncio.sleep(BEAT)


def lines(headers: dict[str, str] | None) -> bytes:
    """Headers as NATS takes them."""
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in (headers or {}).items())


async def manifest(work: DrawPart, http: Http) -> Any:
    """A part's manifest, fetched where it did not come along."""
    if work.manifest is not None:
        return work.manifest
    async with http.plain.get(work.manifest_url) as answer:
        return msgspec.json.decode(await answer.read(), type=DrawPart.__annotations__["manifest"])


def segments(manifest: Any) -> list[SegmentTask]:
    """The segments that a part has to draw."""
    return [segment for scene in manifest.scenes for segment in scene.segments]
