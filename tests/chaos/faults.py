"""Faults of a farm: engines and nodes that are killed, hang, are held up or cut off, while the rest stands."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Literal
from uuid import UUID

import msgspec
import psutil

from deploy.local.process import is_alive
from tests.chaos.farm_stack import FarmStack
from tests.chaos.watcher import Drawing, Watcher

FaultKind = Literal[
    "engine killed",
    "engine held up",
    "engine hangs",
    "daemon killed",
    "node killed",
    "node held up",
    "node held up past the lease",
    "cut off",
    "cut off past the lease",
]
WEIGHTS: dict[FaultKind, int] = {
    "engine killed": 56,
    "engine held up": 5,
    "engine hangs": 2,
    "daemon killed": 14,
    "node killed": 8,
    "node held up": 4,
    "node held up past the lease": 4,
    "cut off": 4,
    "cut off past the lease": 3,
}
SHORT, LONG = (0.5, 3.0), (7.5, 10.0)  # seconds that something is held up or cut off; the lease is 6 s
HANG = 20.0  # seconds in which a node must end an engine that hangs (10 s without a sign of life)
FRESH = 0.1  # seconds: the age of a sign of life by which a victim is chosen, so that it still draws when it is hit
SOON = 3.0  # seconds
CALM = 6.0  # seconds after a hang without another: two of one template would be the template's fault
ENGINE = "node_worker.engines.child"  # the module that an engine's command line names
SAMPLE = 0.04  # seconds over which the busiest engine is looked for


class Fault(msgspec.Struct, kw_only=True):
    """One fault; how work went on is reckoned afterwards, where there was something to recover."""

    kind: FaultKind
    node: UUID
    at: float  # wall clock
    until: float  # when the fault itself is over
    alone: bool = False  # no other fault was about until work went on
    drawing: UUID | None = None  # the part that the node was seen drawing
    store: bool = False  # the store was cut off too
    lease_over: float | None = None  # seconds until the lease had ended, and until another was given for the same work
    given: float | None = None
    seconds: float | None = None  # until it was drawn again
    went_on: Literal["", "there", "elsewhere", "in spite"] = ""


class Faults:
    """Makes faults in one stack, at most one at a time on a node, and never on so many that none can work."""

    def __init__(self, stack: FarmStack, watcher: Watcher, chance: random.Random) -> None:
        self._stack, self._watcher, self._random = stack, watcher, chance
        self._kinds: dict[FaultKind, Callable[[str, Fault], Awaitable[bool]]] = {
            "engine killed": self._engine_killed,
            "engine held up": self._engine_held_up,
            "engine hangs": self._engine_hangs,
            "daemon killed": self._daemon_killed,
            "node killed": self._node_killed,
            "node held up": self._held_up,
            "node held up past the lease": self._held_up,
            "cut off": self._cut_off,
            "cut off past the lease": self._cut_off,
        }
        self._lasting: dict[str, asyncio.Task[None]] = {}  # by the node's name
        self._no_hang_before = 0.0

    async def make(self, kind: FaultKind) -> Fault | None:
        """Make one fault; None when there was nobody to hit."""
        if kind == "engine hangs" and time.time() < self._no_hang_before:
            return None
        free = [name for name in self._stack.names if name not in self._lasting and name in self._stack.processes.pids()]
        if not free or (len(free) < 2 and not kind.startswith("engine")):
            return None
        name, drawing = await self._victim(free)
        now, spread = time.time(), LONG if kind.endswith("past the lease") else SHORT
        long = 0.0 if kind.endswith("killed") else HANG if kind == "engine hangs" else self._random.uniform(*spread)
        fault = Fault(kind=kind, node=self._id(name), at=now, until=now + long, drawing=drawing and drawing.part_id)
        try:
            return fault if await self._kinds[kind](name, fault) else None
        except psutil.Error:  # it ended in this moment by itself
            return None

    async def settle(self) -> None:
        """Wait until no fault lasts."""
        await asyncio.gather(*self._lasting.values())

    def _id(self, name: str) -> UUID:
        return self._stack.node_ids[self._stack.names.index(name)]

    async def _victim(self, free: list[str]) -> tuple[str, Drawing | None]:
        """A node that draws, if there is one soon: faults that hit nobody prove nothing."""
        give_up = time.time() + SOON
        while True:
            drawing = {name: now for name in free if (now := self._watcher.drawing(self._id(name), FRESH))}
            if drawing or time.time() > give_up:
                name = self._random.choice(list(drawing) or free)
                return name, drawing.get(name)
            await asyncio.sleep(0.02)

    def _daemon(self, name: str) -> psutil.Process:
        pid = self._stack.processes.pids().get(name)
        if pid is None:
            raise psutil.NoSuchProcess(0, name)
        return psutil.Process(pid)

    async def _engine(self, name: str) -> psutil.Process | None:
        """The engine that works most; a node has one more for inspections."""
        engines = engines_of(self._daemon(name))
        if len(engines) < 2:
            return engines[0] if engines else None
        before = {engine.pid: _work(engine) for engine in engines}
        await asyncio.sleep(SAMPLE)
        return max(engines, key=lambda engine: _work(engine) - before[engine.pid], default=None)

    async def _engine_killed(self, name: str, fault: Fault) -> bool:
        if (engine := await self._engine(name)) is not None:
            fault.at = fault.until = time.time()
            engine.kill()
        return engine is not None

    async def _engine_held_up(self, name: str, fault: Fault) -> bool:
        return self._hold(name, [engine] if (engine := await self._engine(name)) is not None else [], fault)

    async def _engine_hangs(self, name: str, fault: Fault) -> bool:
        engine = await self._engine(name)
        if engine is None or fault.drawing is None or self._watcher.drawing(fault.node) is None:
            return False  # an idle engine hangs only when it is asked something
        engine.suspend()
        fault.at = time.time()
        self._no_hang_before = fault.until + CALM

        async def ended() -> None:
            while is_alive(engine) and time.time() < fault.until:
                await asyncio.sleep(0.02)
            fault.until = time.time()
            self._no_hang_before = fault.until + CALM
            if is_alive(engine):
                engine.resume()

        self._last(name, ended())
        return True

    async def _daemon_killed(self, name: str, fault: Fault) -> bool:
        self._daemon(name).kill()
        return True

    async def _node_killed(self, name: str, fault: Fault) -> bool:
        await self._stack.processes.kill(name)
        return True

    async def _held_up(self, name: str, fault: Fault) -> bool:
        daemon = self._daemon(name)
        tree = [daemon, *daemon.children(recursive=True)] if self._random.random() < 0.5 else [daemon]
        return self._hold(name, tree, fault)

    async def _cut_off(self, name: str, fault: Fault) -> bool:
        fault.store = self._random.random() < 0.5
        self._stack.cut_off(name, self._random.choice(["silent", "broken"]), store=fault.store)

        async def over() -> None:
            try:
                await asyncio.sleep(fault.until - time.time())
            finally:
                self._stack.rejoin(name)

        self._last(name, over())
        return True

    def _hold(self, name: str, processes: list[psutil.Process], fault: Fault) -> bool:
        for process in processes:
            process.suspend()

        async def over() -> None:
            try:
                await asyncio.sleep(fault.until - time.time())
            finally:
                for process in processes:
                    with contextlib.suppress(psutil.Error):
                        process.resume()

        self._last(name, over())
        return bool(processes)

    def _last(self, name: str, over: Coroutine[None, None, None]) -> None:
        task = self._lasting[name] = asyncio.create_task(over)
        task.add_done_callback(lambda done: self._lasting.pop(name, None))


def engines_of(daemon: psutil.Process) -> list[psutil.Process]:
    """The engine processes of a node that live."""
    found = []
    for child in daemon.children():
        with contextlib.suppress(psutil.Error):
            if ENGINE in child.cmdline() and is_alive(child):
                found.append(child)
    return found


def _work(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0
