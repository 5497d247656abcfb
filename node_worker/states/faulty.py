"""faulty: the node cannot work; it leaves the farm, says why, and tries again later and later."""

import asyncio

from contracts.node import LeaveNode, ReportCrash
from node_worker.log import error
from node_worker.node import Node
from node_worker.parts.part import failure_of
from node_worker.states import State

LONGEST_DELAY = 60.0  # seconds


async def faulty(node: Node) -> State:
    """Leave, wait, start again."""
    crash = node.slots.broken or node.crash
    node.problem = node.problem or f"the engine does not start any more: {crash}"
    node.accepting = False
    await node.runner.drop_all("the node is faulty")
    if crash is not None:
        why = failure_of(crash)
        assert why.crash is not None
        await node.reporter.say(
            ReportCrash(kind=why.crash, detail=why.detail, signal=why.signal, exit_code=why.exit_code, log_tail=why.log_tail)
        )
    if node.enlisted:
        await node.reporter.say(LeaveNode())
        node.left()
    delay = min(LONGEST_DELAY, 2.0**node.faults)
    error("node is faulty", reason=node.problem, again_in=delay)
    node.faults += 1
    node.problem, node.crash, node.slots.broken = "", None, None
    loop = asyncio.get_running_loop()
    until = loop.time() + delay
    while node.stop == "no" and (left := until - loop.time()) > 0:
        await node.next_change(left)
    return State.STARTING if node.stop == "no" else State.STOPPED
