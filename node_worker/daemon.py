"""The render node's daemon: walks through the states until it is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from adapters.settings import Settings
from node_worker import log
from node_worker.enrolment import FILE
from node_worker.node import Node, Tuning
from node_worker.platform import on_stop_signals
from node_worker.states import MOVES, State
from node_worker.states.draining import draining
from node_worker.states.faulty import faulty
from node_worker.states.idle import idle
from node_worker.states.offline import offline
from node_worker.states.starting import starting
from node_worker.states.stopped import stopped
from node_worker.states.working import working

WHAT: dict[State, Callable[[Node], Awaitable[State]]] = {
    State.STARTING: starting,
    State.IDLE: idle,
    State.WORKING: working,
    State.OFFLINE: offline,
    State.DRAINING: draining,
    State.FAULTY: faulty,
}


class BadSettings(Exception):
    """The node cannot start with these settings; the text says what to change."""


class Revoked(Exception):
    """The farm has shut this node out; starting it again changes nothing."""


async def run(settings: Settings, tuning: Tuning | None = None) -> None:
    """Be a node until SIGTERM (drain) or Ctrl-C (at once). Raises BadSettings, Revoked, FolderInUse, OSError."""
    check(settings)
    log.configure(settings.node_name or settings.node_id)
    node = Node(settings, tuning or Tuning())
    on_stop_signals(asyncio.get_running_loop(), node.ask_to_drain, node.ask_to_stop)
    await live(node)
    if node.revoked:
        place = node.folder.root / FILE
        raise Revoked(f"the farm has revoked node {node.id}. To have it back, remove {place} and join with a new token.")


async def live(node: Node) -> None:
    """Walk through the states; whatever happens, no engine outlives this. Raises FolderInUse, OSError."""
    state = State.STARTING
    try:
        while state is not State.STOPPED:
            then = await WHAT[state](node)
            assert then in MOVES[state], f"there is no move from {state} to {then}"
            log.info("state", was=state, now=then)
            state = then
        node.folder.leave()
    finally:
        await stopped(node)


def check(settings: Settings) -> None:
    """Refuse settings that a node cannot work with. Raises BadSettings."""
    try:
        UUID(settings.node_id)
    except ValueError:
        if not settings.node_id:
            raise BadSettings("it has no identity yet: join with `flatrender node --join TOKEN --url URL`") from None
        raise BadSettings(f"FLATRENDER_NODE_ID must be the UUID that the farm knows this node by, not {settings.node_id!r}") from None
    if not 1 <= settings.node_slots <= 64:
        raise BadSettings(f"FLATRENDER_NODE_SLOTS must be from 1 to 64, not {settings.node_slots}")
