"""The one step that makes the streams and durable consumers; services never declare them. Running it again changes nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from adapters.nats import Change, Connection, api, connect, ensure_consumer, ensure_stream, stream_state
from adapters.settings import Settings
from contracts.catalogue import COPIES, EVENTS, LOG_ACCOUNT, account_of, consumers, node_consumer, streams


@asynccontextmanager
async def logins(settings: Settings) -> AsyncIterator[tuple[Connection, Connection]]:
    """The connections that `provision` needs: the services' account's and the log's. Raises StreamError."""
    nc = await connect(settings.as_nats("provision"), "flatrender provision", within=10)
    try:
        log = await connect(settings.as_nats("provision_log"), "flatrender provision_log", within=10)
        try:
            yield nc, log
        finally:
            await log.close()
    finally:
        await nc.close()


async def provision(nc: Connection, log: Connection, replicas: int = 1) -> dict[str, Change]:
    """Make or correct every stream and domain consumer; returns what was done with each. Raises StreamError.

    `nc` may do so in the services' account, `log` in the log's. A stream of copies is replaced if it cannot be corrected; nodes get their
    consumers back when they come in again. An EVENTS that is made here, while the log has events already, is replaced by the sequencer
    with one at the log's position.
    """
    done: dict[str, Change] = {}
    for config in streams(replicas):
        name = config["name"]
        there = log if account_of(name) == LOG_ACCOUNT else nc
        done[name] = await ensure_stream(there, config, replace=name in COPIES)
    if await stream_state(nc, EVENTS) is not None:
        # Of a release whose events lay among the services' streams: there it would go on taking `evt.>`. All it holds is in log.events.
        await api(nc, f"STREAM.DELETE.{EVENTS}")
        done[f"{EVENTS} of the services"] = "removed"
    for stream, config in consumers():
        done[f"{stream}/{config['durable_name']}"] = await ensure_consumer(nc, stream, config)
    return done


async def provision_node(nc: Connection, node_id: UUID | str) -> Change:
    """Make the consumer through which a node gets its work. Raises StreamError."""
    stream, config = node_consumer(node_id)
    return await ensure_consumer(nc, stream, config)


async def remove_node(nc: Connection, node_id: UUID | str) -> None:
    """Remove the consumer of a node that will not come back. Raises StreamError."""
    stream, config = node_consumer(node_id)
    await api(nc, f"CONSUMER.DELETE.{stream}.{config['durable_name']}")
