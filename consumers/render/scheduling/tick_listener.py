"""Nodes' ticks: many, small, lossy. Heard without a framework, which would take a core for the heartbeats of a thousand nodes."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
from nats.aio.msg import Msg

from adapters.nats import Connection
from consumers.render.jobs.progress import Progress
from consumers.render.nodes.health import Health
from consumers.render.scheduling.scheduler import Scheduler
from contracts.catalogue import heartbeat_subject, part_tick_subject
from contracts.node import Heartbeat, PartTick

log = logging.getLogger(__name__)


async def listen(nc: Connection, scheduler: Scheduler, progress: Progress, health: Health) -> None:
    """Pass heartbeats to the scheduler and to nodes' health, and part ticks to the progress from now on."""

    async def heard(node_id: UUID, beat: Heartbeat) -> None:
        health.heard(node_id, beat)
        await scheduler.heard(node_id, beat)

    async def ticked(node_id: UUID, tick: PartTick) -> None:
        progress.ticked(node_id, tick)

    await _subscribe(nc, heartbeat_subject(), Heartbeat, heard)
    await _subscribe(nc, part_tick_subject(), PartTick, ticked)


async def _subscribe(nc: Connection, subject: str, kind: type[Any], take: Callable[[UUID, Any], Awaitable[None]]) -> None:
    decoder = msgspec.json.Decoder(kind)

    async def each(msg: Msg) -> None:
        scope = msg.subject.split(".", 2)[1]
        try:
            node_id, tick = UUID(scope), decoder.decode(msg.data)
        except (ValueError, msgspec.MsgspecError) as error:  # one that cannot be read is logged and forgotten
            log.warning("%s: a tick cannot be read: %s", scope, error)
            return
        await take(node_id, tick)

    await nc.subscribe(subject, cb=each)
