"""The node's engines, one per slot: started warm, lent to parts, started again after a death."""

import asyncio
from collections.abc import Callable

from node_worker.engines.host import EngineCrashed, EngineProcess
from node_worker.engines.protocol import Ready
from node_worker.log import error, info, warning

SHORT_SLOTS = 1  # extra slots for short kinds of work
EXTRA_IDLE = 60.0  # seconds without work after which their engine ends
ATTEMPTS = 3  # starts in a row that may fail before the node is faulty


class Slots:
    """Engine processes; `changed` is called when one turns out to be broken for good."""

    def __init__(self, engines: list[EngineProcess], changed: Callable[[], None], extra: EngineProcess) -> None:
        self.engines = engines
        self._extra, self._extra_free = extra, asyncio.Lock()
        self._extra_idle: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.broken: EngineCrashed | None = None  # the last failure of an engine that does not start any more
        self._changed = changed
        self._free: asyncio.Queue[EngineProcess] = asyncio.Queue()
        self._renewals: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many parts can be drawn at once."""
        return len(self.engines)

    async def start(self) -> Ready:
        """Start every engine that does not live; all are free afterwards. Raises EngineCrashed after three failures of one."""
        # A renewal that still runs would put its engine into the queue a second time.
        for renewal in (running := list(self._renewals)):
            renewal.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self.broken, self._free = None, asyncio.Queue()
        builds = await asyncio.gather(*(_start(engine) for engine in self.engines))
        for engine in self.engines:
            self._free.put_nowait(engine)
        return builds[0]

    async def take(self) -> EngineProcess:
        """Wait for a free engine."""
        return await self._free.get()

    async def take_short(self) -> EngineProcess:
        """An engine for work that must not wait behind long parts: the extra one, started when it is needed. Raises EngineCrashed."""
        if self._extra.pid is None and not self._free.empty():
            return self._free.get_nowait()
        await self._extra_free.acquire()
        if self._extra_idle is not None:
            self._extra_idle.cancel()
        try:
            if self._extra.pid is None:
                await _start(self._extra)
        except BaseException:
            self._extra_free.release()
            raise
        return self._extra

    def give_back(self, engine: EngineProcess) -> None:
        """Make an engine free again, once it lives."""
        if engine is self._extra:
            self._extra_free.release()
            self._extra_idle = asyncio.get_running_loop().call_later(EXTRA_IDLE, self._rest)
            return
        if engine.pid is not None:
            self._free.put_nowait(engine)
            return
        renewal = asyncio.create_task(self._renew(engine))
        self._renewals.add(renewal)
        renewal.add_done_callback(self._renewals.discard)

    async def close(self) -> None:
        """End all engines."""
        if self._extra_idle is not None:
            self._extra_idle.cancel()
        for renewal in list(self._renewals):
            renewal.cancel()
        await asyncio.gather(*(engine.close() for engine in (*self.engines, self._extra)))

    def _rest(self) -> None:
        """The extra engine has had nothing to do: its memory is given back."""
        if not self._extra_free.locked():
            closing = asyncio.create_task(self._extra.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _renew(self, engine: EngineProcess) -> None:
        try:
            await _start(engine)
        except EngineCrashed as crash:
            self.broken = crash
            self._changed()
        else:
            self._free.put_nowait(engine)


async def _start(engine: EngineProcess) -> Ready:
    for left in reversed(range(ATTEMPTS)):
        try:
            ready = await engine.start()
        except EngineCrashed as crash:
            warning("engine does not start", kind=crash.kind, signal=crash.signal, exit_code=crash.exit_code, log=crash.log_tail[-500:])
            if not left:
                error("engine given up", kind=crash.kind)
                raise
        else:
            info("engine ready", pid=engine.pid, build=ready.engine_build, held_by=", ".join(map(str, ready.guards)))
            return ready
    raise AssertionError("the last attempt returns or raises")
