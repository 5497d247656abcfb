"""Runs the edge: HTTP from the first moment, ready once its keys are loaded and its feed is followed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import asyncpg
from aiohttp import web

from adapters import collector
from adapters.life import shown
from adapters.nats import Connection, StreamError, connect
from adapters.object_store import ObjectStore
from adapters.settings import Settings
from api_edge.app import build_app
from api_edge.auth.signing import Signer
from api_edge.capacity.shared_limits import Sharing
from api_edge.edge import Edge
from api_edge.errors import Refused
from api_edge.handlers.reader import Head, Reader
from api_edge.http.access_log import AccessLog
from api_edge.http.plain import Site
from api_edge.stream.events import FeedEvent
from api_edge.stream.feed import Feed
from api_edge.stream.sse import tick_listener
from contracts.catalogue import domain_waits_subject, progress_subject, undecided_subject, uses_subject
from contracts.message import decode, named
from producers.publisher import Publisher

log = logging.getLogger(__name__)
PAUSE = 0.2  # seconds between two attempts to reach what is away
T = TypeVar("T")


async def serve(settings: Settings, on_listening: Callable[[str], None] | None = None, access_log: AccessLog | None = None) -> None:
    """Run until cancelled; `on_listening` gets the address.

    Raises OSError when the port is taken, ValueError without a secret, adapters.nats.ConnectRefused for a wrong password.
    """
    async with running(settings, access_log) as (edge, url), shown(settings.alive):
        collector.relax()
        if on_listening:
            on_listening(url)
        await asyncio.gather(*edge.tasks)
        await asyncio.Event().wait()


@asynccontextmanager
async def running(settings: Settings, access_log: AccessLog | None = None) -> AsyncIterator[tuple[Edge, str]]:
    """An edge that runs within the block, and its address; its connections are made meanwhile, see `Edge.lacks`."""
    edge = Edge(Signer.of(settings))
    edge.old_keys_days = settings.old_keys_days
    edge.nats_url = settings.nats_public_url or settings.nats_url
    runner = web.AppRunner(build_app(edge, access_log), access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        _beside(stack, edge.connections.watch(), "watch the connections")
        site = Site(runner, edge.connections, settings.host, settings.port, shared=settings.port_shared)
        connecting = asyncio.create_task(_connect(edge, settings, stack), name="connect the edge")
        edge.tasks.append(connecting)
        try:
            if settings.port_shared:  # others answer meanwhile
                await connecting
                if settings.metrics_port:  # where it is surely this one that answers
                    await web.TCPSite(runner, settings.metrics_host, settings.metrics_port).start()
            await site.start()
            yield edge, f"http://{settings.host}:{runner.addresses[0][1]}"
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)


async def _connect(edge: Edge, settings: Settings, stack: AsyncExitStack) -> None:
    """Make the connections, however long it takes; what is still missing stands in `edge.lacks`."""
    edge.lacks = {
        "database": "PostgreSQL is not reached yet",
        "broker": "NATS is not reached yet",
        "feed": "the API keys are not loaded yet",
    }
    edge.store = await stack.enter_async_context(_store(settings))
    nc, reader = await asyncio.gather(_broker(edge, settings, stack), _database(edge, settings, stack))

    async def restored() -> Head:
        edge.streams.end_all("the log was restored from a backup; resume with the last id as Last-Event-ID to be told from where")
        return await _load_keys(edge, reader)

    edge.feed = Feed(nc, reader, restored)
    stack.push_async_callback(edge.feed.stop)
    edge.feed.listeners += [lambda event: follow_keys(edge, event), edge.streams.hear]
    await edge.feed.start(await _insist("the API keys", lambda: _load_keys(edge, reader)))
    while not await edge.feed.prove():
        log.info("the event feed is not heard yet")
    del edge.lacks["feed"]
    log.info("the edge is ready at log position %d", edge.feed.position)


def _beside(stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
    """Have something done as long as the edge runs."""
    task = asyncio.create_task(work, name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


def _store(settings: Settings) -> ObjectStore:
    key = settings.s3_secret_key.get_secret_value()
    return ObjectStore(settings.s3_url, settings.s3_bucket, settings.s3_access_key, key, settings.s3_public_url)


async def _broker(edge: Edge, settings: Settings, stack: AsyncExitStack) -> Connection:
    nc = await connect(settings, "flatrender edge")
    stack.push_async_callback(nc.close)
    await edge.outcomes.listen(nc)
    await nc.subscribe(progress_subject(), cb=tick_listener(edge))
    await nc.subscribe(domain_waits_subject(), cb=edge.waiting.hear)
    await nc.subscribe(undecided_subject(), cb=edge.queues.hear)
    sharing = Sharing(edge.limits, edge.outcomes.instance)
    await nc.subscribe(uses_subject(), cb=sharing.hear)
    _beside(stack, sharing.run(nc), "share the limits")
    edge.publisher = Publisher(nc, early=True)
    del edge.lacks["broker"]
    return nc


async def _database(edge: Edge, settings: Settings, stack: AsyncExitStack) -> Reader:
    password = settings.pg_password_of("edge_ro")
    reader = await _insist("PostgreSQL", lambda: Reader.connect(settings.pg_dsn, password))
    stack.push_async_callback(reader.close)
    edge.reader = reader
    del edge.lacks["database"]
    return reader


async def _load_keys(edge: Edge, reader: Reader) -> Head:
    keys, tenants, head = await reader.keys()
    edge.keys.load(keys, tenants)
    return head


def follow_keys(edge: Edge, event: FeedEvent) -> None:
    """Tell the key ring of identity's events; the others are not even read."""
    if event.kind.name.startswith("identity.") and (entry := named(event.type)):
        edge.keys.hear(event.tenant_id, decode(entry.full_name, event.body))  # type: ignore[arg-type]


async def _insist(what: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Try until it succeeds; says once why it does not."""
    said = ""
    while True:
        try:
            return await attempt()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, StreamError, Refused) as error:
            if str(error) != said:
                said = str(error)
                log.warning("%s cannot be reached yet: %s", what, said)
        await asyncio.sleep(PAUSE)
