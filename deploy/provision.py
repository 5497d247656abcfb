"""The one step that makes the streams and durable consumers; services never declare them. Running it again changes nothing."""

from uuid import UUID

from adapters.nats import Change, Connection, api, ensure_consumer, ensure_stream, stream_state
from contracts.catalogue import COPIES, DEPLOY, EVENTS, SERVICES_API, api_of, consumers, node_consumer, streams


async def provision(nc: Connection, replicas: int = 1) -> dict[str, Change]:
    """Make or correct every stream and domain consumer, as the role `provision`; returns what was done with each. Raises StreamError.

    A stream of copies is replaced if it cannot be corrected; nodes get their consumers back when they come in again. An EVENTS that is
    made here, while the log has events already, is replaced by the sequencer with one at the log's position.
    """
    done: dict[str, Change] = {}
    for config in streams(replicas):
        name = config["name"]
        done[name] = await ensure_stream(nc, config, replace=name in COPIES, prefix=api_of(name, DEPLOY))
    if await stream_state(nc, EVENTS, prefix=SERVICES_API) is not None:
        # Of a release whose events lay among the services' streams: there it would go on taking `evt.>`. All it holds is in log.events.
        await api(nc, f"STREAM.DELETE.{EVENTS}", prefix=SERVICES_API)
        done[f"{EVENTS} of the services"] = "removed"
    for stream, config in consumers():
        done[f"{stream}/{config['durable_name']}"] = await ensure_consumer(nc, stream, config, prefix=SERVICES_API)
    return done


async def provision_node(nc: Connection, node_id: UUID | str) -> Change:
    """Make the consumer through which a node gets its work, as the role `provision`. Raises StreamError."""
    stream, config = node_consumer(node_id)
    return await ensure_consumer(nc, stream, config, prefix=SERVICES_API)
