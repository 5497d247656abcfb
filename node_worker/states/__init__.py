"""What a node is doing, one module per state, and which moves between them there are."""

from enum import StrEnum

from node_worker.node import Node


class State(StrEnum):
    """The states; docs/node-protocol.md says what each means."""

    STARTING = "starting"
    IDLE = "idle"
    WORKING = "working"
    OFFLINE = "offline"
    DRAINING = "draining"
    FAULTY = "faulty"
    STOPPED = "stopped"


RUNNING = {State.IDLE, State.WORKING, State.OFFLINE}
MOVES: dict[State, set[State]] = {
    State.STARTING: RUNNING | {State.DRAINING, State.FAULTY, State.STOPPED},
    State.IDLE: {State.WORKING, State.OFFLINE, State.DRAINING, State.FAULTY, State.STOPPED},
    State.WORKING: {State.IDLE, State.OFFLINE, State.DRAINING, State.FAULTY, State.STOPPED},
    State.OFFLINE: {State.IDLE, State.WORKING, State.DRAINING, State.FAULTY, State.STOPPED},
    State.DRAINING: {State.STOPPED},
    State.FAULTY: {State.STARTING, State.STOPPED},
    State.STOPPED: set(),
}


def due(node: Node) -> State:
    """The state that a started node should be in now."""
    if node.stop != "no":
        return State.STOPPED if node.stop == "now" else State.DRAINING
    if node.slots.broken is not None:
        return State.FAULTY
    if not node.online:
        return State.OFFLINE
    return State.WORKING if node.runner.parts else State.IDLE


async def while_due(node: Node, state: State) -> State:
    """Stay as long as `state` is due; return what is due instead."""
    while (then := due(node)) is state:
        await node.next_change()
    return then
