"""Publishes a command and waits for what becomes of it."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from api_edge.edge import Edge, Publishes
from api_edge.errors import unavailable
from contracts.envelope import Envelope
from contracts.outcome import Outcome

Send = Callable[[Publishes, Envelope], Awaitable[int]]


async def publish(edge: Edge, send: Send, envelope: Envelope) -> None:
    """Publish with an acknowledgement.

    Raises Refused (503 without a broker and for a domain that waits, 429 for a full queue) and PublishFailed.
    """
    if edge.publisher is None:
        raise unavailable("broker")
    domain = _domain(envelope)
    edge.waiting.refuse(domain)
    edge.queues.take(domain, envelope.tenant)
    await send(edge.publisher, envelope)


async def ask(edge: Edge, send: Send, envelope: Envelope, wait: float) -> Outcome | None:
    """Publish and wait for the outcome, so many seconds; None when it does not come in time."""
    reply, future = edge.outcomes.expect()
    try:
        await publish(edge, send, msgspec.structs.replace(envelope, reply=reply))
        outcome = await asyncio.wait_for(future, wait)
        edge.queues.decided(_domain(envelope), envelope.tenant)
        return outcome
    except TimeoutError:
        return None
    finally:
        edge.outcomes.forget(reply)


def _domain(envelope: Envelope) -> str:
    return envelope.type.split(".", 2)[1]
