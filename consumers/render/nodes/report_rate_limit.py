"""A node whose reports are refused or unreadable by the hundred is set aside, and what it says is dropped until it is quiet."""

import logging
import time
from collections.abc import Callable
from uuid import UUID

import msgspec

from consumers.render.leases.reporting_node import reporter
from consumers.runtime.item import Item
from contracts.envelope import Envelope, first
from contracts.message import Command, Kind
from contracts.node import LeaveNode, RegisterNode, ReportCrash
from contracts.render.nodes import DistrustNode

log = logging.getLogger(__name__)
MINUTE = 60.0  # seconds
MOST = 300  # reports a minute that come to nothing; an honest node that was cut off brings some dozens whose lease is over
_REPORTS = f"{Kind.REPORT}."
ABOUT_NO_WORK = (RegisterNode, LeaveNode, ReportCrash)  # they are taken at any time, so their number is looked at too


class Minute(msgspec.Struct):
    """What came of one node since `began`."""

    began: float
    vain: int = 0  # refused, unreadable, about no work
    dropped: int = 0
    muted: bool = False


class ReportRateLimit:
    """Counts, for each node; `submit` has a command decided."""

    def __init__(self, submit: Callable[[Command, Envelope], None]) -> None:
        self._submit = submit
        self._nodes: dict[UUID, Minute] = {}

    def observe(self, items: list[Item]) -> None:
        """Count what was decided; past the limit the node is set aside."""
        for item in items:
            in_vain = item.outcome is not None and item.outcome.state != "done"
            if (in_vain or isinstance(item.command, ABOUT_NO_WORK)) and (node := _reporter(item)) is not None:
                minute = self._nodes.setdefault(node, Minute(_now()))
                minute.vain += 1
                if minute.vain > MOST and not minute.muted:
                    minute.muted = True
                    command = DistrustNode(node_id=node, count=minute.vain)
                    self._submit(command, first(command))

    def admits(self, item: Item) -> bool:
        """Whether it is to be decided. What is not is acknowledged: a part that it was about ends with its lease."""
        node = _reporter(item)
        minute = self._nodes.get(node) if node is not None else None
        if node is None or minute is None:
            return True
        if _now() - minute.began >= MINUTE:
            minute = self._next(node, minute)
        minute.dropped += minute.muted
        return not minute.muted

    def _next(self, node: UUID, last: Minute) -> Minute:
        """A muted node is heard again after a minute in which it was no louder than it may be."""
        if last.dropped:
            log.warning("node %s flooded: %d reports were dropped unread within a minute", node, last.dropped)
        self._nodes[node] = minute = Minute(_now(), muted=last.dropped > MOST)
        return minute


def _reporter(item: Item) -> UUID | None:
    """The node whose report this is."""
    if item.raw is None or not item.raw.subject.startswith(_REPORTS):
        return None
    return reporter(item.envelope.actor)


def _now() -> float:
    return time.monotonic()
