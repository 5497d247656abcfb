"""Runs domains' consumers and the log in one process, hosted by FastStream: its lifespan and its signals."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
from faststream import FastStream

import sql
from adapters import collector
from adapters.life import shown
from adapters.nats import Connection, PullConsumer, StreamReader, connect
from adapters.object_store import ObjectStore
from adapters.settings import Settings
from consumers.log.sequencer import Sequencer
from consumers.runtime.beside import Beside
from consumers.runtime.connection import notice_cuts
from consumers.runtime.domain import Domain
from consumers.runtime.effects.runner import EffectRunner
from consumers.runtime.genuine import genuine
from consumers.runtime.history import History
from consumers.runtime.leading import BUDGET, SILENT
from consumers.runtime.pool import Connections, Pool
from consumers.runtime.retention import Retention
from consumers.runtime.runtime import Runtime
from consumers.runtime.timers import Timers
from consumers.runtime.tools import Given
from contracts.catalogue import EVENTS, LOG_API, decided_streams, subjects_of
from contracts.domains import DOMAINS, LOG
from deploy import gauges
from deploy.domains import domain_named
from deploy.host import HostedBroker
from deploy.metrics import Metrics
from producers.publisher import Publisher

log = logging.getLogger(__name__)
EACH = 4  # connections of the process's pool for a domain's effects, timers and rebuilding; the runtime holds one of its own
PROCESS = uuid4().hex[:8]  # tells this process's sessions from another's
BOUNDS = {
    # Even without a standby a process that is stopped within a batch holds its rows no longer than this; nor does an endless batch.
    "idle_in_transaction_session_timeout": f"{2 * SILENT:.0f}s",
    "transaction_timeout": f"{BUDGET:.0f}s",
    # The server notices a client that is gone without a word: between statements, within one, and while it sends.
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": f"{SILENT * 1000:.0f}",
    "client_connection_check_interval": "1s",
}
STATEMENTS = 400  # that a session keeps prepared: rows of several tables are loaded by one statement for each set of them


async def pg_connect(settings: Settings, role: str) -> asyncpg.Connection:
    """A connection of a service role."""
    password = settings.pg_password_of(role)
    conn = await asyncpg.connect(
        settings.pg_dsn, user=role, password=password, server_settings=session(role), timeout=5, statement_cache_size=STATEMENTS
    )
    notice_cuts(conn)
    return conn


def session(role: str) -> dict[str, str]:
    """The settings of a service's database session."""
    # The process is named too: a standby ends all connections of a leader that is silent.
    return {"timezone": "UTC", "application_name": f"flatrender {role} {PROCESS}", **sql.BY_KEY, **BOUNDS}


class Process:
    """Everything of one process; `run` lasts until a stop signal, or until a part ends that must not."""

    def __init__(self, settings: Settings, names: Sequence[str]) -> None:
        self.settings, self.names = settings, list(names)
        for name in self.names:
            if name != LOG:
                domain_named(name)
        self._parts: list[asyncio.Task[None]] = []
        self.metrics = Metrics()
        self._runners: list[EffectRunner] = []
        self._connections = Connections(lambda role: pg_connect(settings, role), most=settings.pg_pool, each=EACH)
        self._broker = HostedBroker()
        self.app = FastStream(self._broker, lifespan=self._lifespan, logger=None)

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT. Raises what ended a part."""
        await self.app.run(sleep_time=0.5)
        for part in self._parts:
            if part.done() and not part.cancelled() and (error := part.exception()):
                raise error

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            objects = await stack.enter_async_context(_store(self.settings))
            if self.names != [LOG]:  # which archives now and then
                await objects.prepare()
            await stack.enter_async_context(shown(self.settings.alive))
            await stack.enter_async_context(self.metrics.shown(self.settings.metrics_host, self.settings.metrics_port))
            stack.push_async_callback(self._connections.close)
            try:
                for name in self.names:
                    await (self._add_log(objects, stack) if name == LOG else self._add_domain(name, objects, stack))
                collector.relax()
                yield
            finally:
                await asyncio.gather(*(runner.rest() for runner in self._runners))
                for part in self._parts:
                    part.cancel()
                await asyncio.gather(*self._parts, return_exceptions=True)

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._parts.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.error("%s ended: %s", task.get_name(), task.exception() or "without a reason")
            self.app.exit()

    async def _connect(self, role: str, stack: AsyncExitStack) -> Connection:
        nc = await connect(self.settings.as_nats(role), f"flatrender {role}")
        stack.push_async_callback(nc.close)
        self._broker.nc = self._broker.nc or nc  # that of the first role: FastStream has none of its own (decision 53)
        return nc

    async def _add_log(self, objects: ObjectStore, stack: AsyncExitStack) -> None:
        nc = await self._connect(LOG, stack)
        sequencer = Sequencer(lambda: pg_connect(self.settings, "log_app"), nc, store=objects, days=self.settings.log_days)
        self.metrics.asks(gauges.log(sequencer))
        self._start(LOG, sequencer.run())

    async def _add_domain(self, name: str, objects: ObjectStore, stack: AsyncExitStack) -> None:
        domain, nc = domain_named(name), await self._connect(name, stack)
        role = f"{name}_app"
        pool = self._connections.of(role)
        publisher = Publisher(nc)

        subjects = subjects_of(dict.fromkeys(event for one in domain.reacts for event in one.events))

        async def feed(cursor: int) -> StreamReader:
            return StreamReader(nc, EVENTS, cursor, subjects=subjects, knows=lambda last: genuine(pool, last), prefix=LOG_API)

        commands = [PullConsumer(nc, stream, name, owns_stream=True) for stream in decided_streams(name)]
        runtime = Runtime(domain, nc, lambda: pg_connect(self.settings, role), commands, feed, History(pool, objects))
        self.metrics.asks(gauges.work(runtime))
        self.metrics.asks(gauges.reactions(runtime, pool))
        self.metrics.asks(gauges.crashes(runtime, pool))
        given = Given(self.settings, publisher, objects, pool)
        effects = EffectRunner(domain, pool, publisher.publish, await stack.enter_async_context(domain.tools(given)), runtime.leading)
        runtime.on_effects = effects.start_new
        runtime.prepare.append(effects.take_over)
        retention = Retention(domain, pool, runtime.leading, months=self.settings.health_months)
        self.metrics.asks(gauges.tables(retention))
        beside = Beside(
            settings=self.settings,
            runtime=runtime,
            nc=nc,
            publisher=publisher,
            pool=pool,
            objects=objects,
            retention=retention,
            login=lambda user: self._connect(user, stack),
            run=self._start,
        )
        for service in domain.services:
            await service.start(beside)
        self._start_loops(domain, runtime, effects, publisher, pool)
        self._start(f"{name} retention", retention.run())
        self._start(name, runtime.run())

    def _start_loops(self, domain: Domain, runtime: Runtime, effects: EffectRunner, publisher: Publisher, pool: Pool) -> None:
        """What carries out effects and publishes what is due, where the domain has any."""
        if domain.effects:
            self._runners.append(effects)
            self.metrics.asks(gauges.effects(effects))
            self._start(f"{domain.name} effects", effects.run())
        if domain.timers:
            timers = Timers(domain, pool, publisher.publish, runtime.leading)
            runtime.on_timers = timers.expect
            self.metrics.asks(gauges.timers(timers))
            self._start(f"{domain.name} timers", timers.run())


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[ObjectStore]:
    store = ObjectStore(
        settings.s3_url,
        settings.s3_bucket,
        settings.s3_access_key,
        settings.s3_secret_key.get_secret_value(),
        public_url=settings.s3_public_url,
    )
    async with store:
        yield store


def consume(settings: Settings, names: Sequence[str]) -> None:
    """Run consumers in this process until it is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    except ImportError:
        runner = asyncio.Runner()
    with runner:
        runner.run(Process(settings, names or [*DOMAINS, LOG]).run())
