"""The node as its states, its pull loop and its heartbeat see it: who it is, its parts, and what it was told to do."""

import asyncio
import platform
from collections import deque
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

import msgspec

from adapters.settings import Settings
from contracts.node import PROTOCOL, RegisterNode
from node_worker.cache import Cache
from node_worker.capabilities import capabilities
from node_worker.engines.host import EngineCrashed, EngineProcess
from node_worker.engines.protocol import Ready
from node_worker.enrolment import standing
from node_worker.folder import Folder
from node_worker.link import Link
from node_worker.log import error, info
from node_worker.parts.part import Tools
from node_worker.parts.part_runner import PartRunner
from node_worker.reporter import Reporter
from node_worker.slots import Slots
from node_worker.spool import Spool
from node_worker.transfer import PATIENCE, Transfers

Stop = Literal["no", "drain", "now"]
MOST_BUNDLES = 100  # that a registration names
FIRST_QUESTION, LAST_QUESTION = 1.0, 30.0  # seconds between two questions whether this node was revoked


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator seldom and a test often changes; seconds and bytes."""

    cache_bytes: int = 8 << 30
    patience: float = PATIENCE
    drain_seconds: float = 60.0
    least_free: int = 100 << 20  # bytes of disk below which a node does not start
    engine: str = "node_worker.engines.lottie:LottieEngine"
    engine_reads: tuple[str, ...] = ()  # files or folders that it needs beside its code
    engine_environment: dict[str, str] = {}  # variables that it needs
    stall_seconds: float = 10.0


class Node:
    """Everything a running daemon has; made within the event loop."""

    def __init__(self, settings: Settings, tuning: Tuning) -> None:
        self.tuning = tuning
        self.id, self.name = UUID(settings.node_id), settings.node_name or platform.node()
        self.folder = Folder(settings.data)
        self.link = Link(settings)
        self.transfers = Transfers(tuning.patience)
        self.cache = Cache(self.folder.cache, self.transfers, tuning.cache_bytes)
        self.reporter = Reporter(self.id, Spool(self.folder.spool), self.link, self.cache.shrink)
        drawn_twice = settings.node_twice > 0  # the first engine is for short work, of which nothing is
        engines = [_engine(tuning, self.folder.engine(number), drawn_twice and number > 0) for number in range(settings.node_slots + 1)]
        self.slots = Slots(engines[1:], self.changed, engines[0])
        self._settings = settings
        means = (self.folder, self.transfers, self.cache, self.reporter, self.link, self.slots)
        tools = Tools(str(self.id), self.name, *means, twice=settings.node_twice)
        self.runner = PartRunner(tools, self._parts_changed)
        self.ready: Ready | None = None
        self.stop: Stop = "no"
        self.accepting = False  # whether new parts are taken
        self.pulling = False  # whether the pull loop was begun
        self.problem = ""  # why the node is faulty
        self.crash: EngineCrashed | None = None
        self.faults = 0  # in a row
        self.revoked = False  # the farm has shut this node out
        self.asked_again: deque[UUID] = deque(maxlen=100)  # requests to register again that were heard
        self.tasks: list[asyncio.Task[None]] = []
        self._registration: UUID | None = None  # the one that the farm was or will be told of
        self._registered_at: float | None = None
        self._change = asyncio.Event()
        self._next_question, self._pause = 0.0, FIRST_QUESTION  # when the farm may be asked again, and how long after that

    @property
    def registered(self) -> bool:
        """Whether the broker has this start's registration."""
        return self._registered_at is not None

    @property
    def enlisted(self) -> bool:
        """Whether the farm was told of this node, or will be as soon as the broker is there."""
        return self._registration is not None

    @property
    def online(self) -> bool:
        """Whether work can come: the broker is there and has the registration."""
        return self.link.connected and self.registered

    def registered_for(self) -> float:
        """Seconds since the broker took the registration; 0 before."""
        return asyncio.get_running_loop().time() - self._registered_at if self._registered_at is not None else 0.0

    async def register(self) -> None:
        """Tell the farm what this node can do; returns when the broker has it."""
        assert self.ready is not None, "a node registers when its engines are warm"
        self._registration, self._registered_at = (registration := uuid4()), None
        report = RegisterNode(
            protocol=PROTOCOL,
            name=self.name,
            slots=self.slots.count,
            engine_build=self.ready.engine_build,
            encoder_build=self.ready.encoder_build,
            version=own_version(),
            platform=platform.platform(),
            capabilities=await asyncio.to_thread(capabilities, self._settings, self.ready.guards),
            bundles=self.cache.latest(MOST_BUNDLES),
        )
        await (await self.reporter.say(report, registration))
        if self._registration != registration:  # the node has left meanwhile
            return
        self._registered_at = asyncio.get_running_loop().time()
        info("registered", slots=self.slots.count, engine_build=self.ready.engine_build)
        self.changed()

    def left(self) -> None:
        """The farm was told that the node is gone."""
        self._registration, self._registered_at = None, None

    def _parts_changed(self) -> None:
        self.folder.hold(self.runner.parts)
        self.changed()

    def changed(self) -> None:
        """Something happened that a state may move for."""
        self._change.set()

    async def next_change(self, seconds: float | None = None) -> None:
        """Wait for something to happen, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._change.wait()
        except TimeoutError:
            return
        self._change.clear()

    async def ask_standing(self) -> None:
        """The broker refuses this node: if the farm says that it was revoked, it stops for good; else the broker is tried again."""
        now = asyncio.get_running_loop().time()
        if now < self._next_question:
            return
        self._next_question, self._pause = now + self._pause, min(2 * self._pause, LAST_QUESTION)
        if await standing(self._settings) == "revoked":
            error("the farm has revoked this node")
            self.revoked = True
            self.ask_to_stop()

    def ask_to_drain(self) -> None:
        """SIGTERM: finish what is held, then stop; asked twice: stop at once."""
        self.stop = "drain" if self.stop == "no" else "now"
        self.changed()

    def ask_to_stop(self) -> None:
        """Ctrl-C: stop at once."""
        self.stop = "now"
        self.changed()


def _engine(tuning: Tuning, folder: Path, witness: bool) -> EngineProcess:
    return EngineProcess(
        engine=tuning.engine,
        folder=folder,
        reads=tuning.engine_reads,
        stall_seconds=tuning.stall_seconds,
        environment=tuning.engine_environment,
        witness=witness,
    )


def own_version() -> str:
    """The version of this program."""
    try:
        return version("flatrender")
    except PackageNotFoundError:  # run from a source tree
        return "0"
