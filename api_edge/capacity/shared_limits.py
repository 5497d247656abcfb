"""Edges tell each other what they let through, so that a tenant's limits are of all of them together; lossy, and nobody waits for it."""

import asyncio
from time import monotonic
from typing import Any
from uuid import UUID

import msgspec
from nats.aio.msg import Msg

from api_edge.capacity.limits import Limits
from contracts.catalogue import uses_subject
from contracts.queue import Uses

EVERY = 0.5  # seconds between two words
_uses = msgspec.json.Decoder(Uses).decode


class Sharing:
    """One edge's part in it; `name` is the edge's own."""

    def __init__(self, limits: Limits, name: str) -> None:
        self._limits, self._name = limits, name

    async def hear(self, msg: Msg) -> None:
        """The callback for what edges let through."""
        uses = _uses(msg.data)
        if uses.edge != self._name:
            self._limits.hear(uses.edge, _by_tenant(uses.requests), _by_tenant(uses.streams), monotonic())

    async def run(self, nc: Any) -> None:
        """Tell it, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            taken, streams = self._limits.told()
            if (taken or streams) and nc.is_connected:
                uses = Uses(edge=self._name, requests=_texts(taken), streams=_texts(streams))
                await nc.publish(uses_subject(), msgspec.json.encode(uses))


def _by_tenant(counts: dict[str, int]) -> dict[UUID, int]:
    return {UUID(tenant): count for tenant, count in counts.items()}


def _texts(counts: dict[UUID, int]) -> dict[str, int]:
    return {str(tenant): count for tenant, count in counts.items()}
