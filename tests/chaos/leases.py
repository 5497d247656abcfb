"""The log of a run, walked from lease to lease: whether only holders' results were accepted, and how soon work went on after a fault."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from tests.chaos.faults import Fault
from tests.chaos.watcher import Watcher

ROWS = """
    select position, type, tenant_id, time, actor, causation_id, body from log.events
    where tenant_id = any($1) and type = any($2) order by position
"""
ASSIGNED, ENDED = "evt.render.part.assigned.v1", "evt.render.part.ended.v1"
VERIFIED, COMPLETED, INSPECTED = "evt.render.segment.verified.v1", "evt.render.job.completed.v1", "evt.render.inspection.ended.v1"
TYPES = (ASSIGNED, ENDED, VERIFIED, COMPLETED, INSPECTED)
NEAR = 0.5  # seconds before a fault in which another on the same node spoils its time


class Lease(msgspec.Struct):
    """One part as the log tells it."""

    part_id: UUID
    tenant: UUID
    kind: str
    subject: UUID
    node: UUID
    epoch: int
    keys: tuple[str, ...]
    begun: float  # wall clock, as the log has it
    position: int
    ended: float | None = None
    ended_at: int = 0  # position
    ended_by: UUID | None = None  # what caused it
    end: str = ""
    verified: set[str] = msgspec.field(default_factory=set)

    def holds(self, row: asyncpg.Record) -> bool:
        """Whether this was a lease of who is behind this event, when it came to be."""
        return row["actor"] == f"node:{self.node}" and (self.ended is None or self.ended_by == row["causation_id"])


class Leases:
    """All leases of some tenants; `stale` says which results were accepted that should not have been."""

    def __init__(self) -> None:
        self.parts: dict[UUID, Lease] = {}
        self.results = 0  # segments, exports and inspections that were accepted
        self.stale: list[str] = []
        self.twice: list[str] = []
        self._holder: dict[tuple[UUID, str], UUID] = {}  # of a segment: the part that has it
        self._done: set[tuple[UUID, str]] = set()
        self._by_subject: dict[UUID, list[Lease]] = {}

    @classmethod
    async def read(cls, conn: asyncpg.Connection, tenants: Sequence[UUID]) -> "Leases":
        """Walk the log from its beginning."""
        leases = cls()
        for row in await conn.fetch(ROWS, list(tenants), list(TYPES)):
            body = msgspec.json.decode(row["body"])
            {ASSIGNED: leases._assigned, ENDED: leases._ended, VERIFIED: leases._verified}.get(row["type"], leases._finished)(row, body)
        return leases

    def _assigned(self, row: asyncpg.Record, body: dict[str, Any]) -> None:
        lease = Lease(
            part_id=UUID(body["part_id"]),
            tenant=row["tenant_id"],
            kind=body["kind"],
            subject=UUID(body["subject_id"]),
            node=UUID(body["node_id"]),
            epoch=body["epoch"],
            keys=tuple(body["keys"]),
            begun=row["time"].timestamp(),
            position=row["position"],
        )
        for key in lease.keys:
            if (other := self._holder.get((lease.tenant, key))) is not None:
                self.twice.append(f"position {row['position']}: segment {key} is given to part {lease.part_id} while {other} holds it")
            self._holder[lease.tenant, key] = lease.part_id
        self.parts[lease.part_id] = lease
        self._by_subject.setdefault(lease.subject, []).append(lease)

    def _ended(self, row: asyncpg.Record, body: dict[str, Any]) -> None:
        lease = self.parts[UUID(body["part_id"])]
        if lease.ended is not None:
            self.twice.append(f"position {row['position']}: part {lease.part_id} ends a second time")
        lease.ended, lease.ended_by, lease.end = row["time"].timestamp(), row["causation_id"], body["end"]
        lease.ended_at = row["position"]
        for key in lease.keys:
            if self._holder.get((lease.tenant, key)) == lease.part_id:
                del self._holder[lease.tenant, key]

    def _verified(self, row: asyncpg.Record, body: dict[str, Any]) -> None:
        self.results += 1
        key, lease = body["key"], self.parts[UUID(body["part_id"])]
        if (lease.tenant, key) in self._done:
            self.twice.append(f"position {row['position']}: segment {key} is accepted a second time")
        self._done.add((lease.tenant, key))
        lease.verified.add(key)
        if (
            not lease.holds(row)
            or lease.epoch != body["epoch"]
            or key not in lease.keys
            or self._holder.get((lease.tenant, key))
            not in (
                None,
                lease.part_id,
            )
        ):
            self.stale.append(f"position {row['position']}: segment {key} of part {lease.part_id} under epoch {body['epoch']}, {lease}")
        if body["ends"]:
            self._ended(row, {**body, "end": "done"})

    def _finished(self, row: asyncpg.Record, body: dict[str, Any]) -> None:
        """An export or an inspection: by whoever had the lease of just this."""
        if row["type"] == INSPECTED and not row["actor"].startswith("node:"):
            return  # decided without a node
        self.results += 1
        subject = UUID(body["job_id" if row["type"] == COMPLETED else "file_id"])
        kind = "assemble" if row["type"] == COMPLETED else "inspect"
        if not any(lease.kind == kind and lease.holds(row) for lease in self._by_subject.get(subject, ())):
            self.stale.append(f"position {row['position']}: {kind} of {subject} by {row['actor']}")

    # How soon work went on

    def reckon(self, faults: Sequence[Fault], watcher: Watcher) -> None:
        """Set `seconds` and `went_on` of every fault after which there was something to recover, and `alone` of what others spoilt."""
        for fault in faults:
            if fault.kind.startswith("engine"):
                self._engine(fault, watcher)
            else:
                self._node(fault, watcher)
        for fault in faults:
            if fault.seconds is not None:
                fault.alone = not any(_spoils(other, fault) for other in faults)

    def _engine(self, fault: Fault, watcher: Watcher) -> None:
        """The same part is drawn again on the same node, or else its work elsewhere."""
        if fault.drawing is None:
            return
        since = fault.until if fault.kind == "engine hangs" else fault.at + 0.1
        lease = self.parts.get(fault.drawing)
        again = watcher.drawn_since(fault.drawing, since, fault.node)
        if again is not None:
            fault.seconds, fault.went_on = again - fault.at, "there"
        elif lease is not None and lease.end in ("expired", "failed") and (lease.ended or 0.0) >= fault.at:
            self._after([lease], fault, watcher)

    def _node(self, fault: Fault, watcher: Watcher) -> None:
        """All that the node held is drawn again, wherever."""
        held = [
            lease
            for lease in self.parts.values()
            if lease.node == fault.node and lease.kind == "render" and lease.begun < fault.at and (lease.ended or fault.at) >= fault.at
        ]
        lost = [lease for lease in held if lease.end in ("expired", "failed") and set(lease.keys) - lease.verified]
        if held and not lost:
            fault.went_on = "in spite"
        self._after(lost, fault, watcher)

    def _after(self, lost: Iterable[Lease], fault: Fault, watcher: Watcher) -> None:
        """What was lost last to be drawn again counts."""
        for lease in lost:
            heirs = sorted((one for one in self.parts.values() if _inherits(one, lease)), key=lambda one: one.position)
            begun = [(at, one.node) for one in heirs if (at := watcher.drawn_since(one.part_id, fault.at)) is not None]
            if begun and lease.ended is not None and (fault.seconds is None or min(begun)[0] - fault.at > fault.seconds):
                at, node = min(begun)
                fault.seconds, fault.went_on = at - fault.at, "there" if node == fault.node else "elsewhere"
                fault.lease_over, fault.given = lease.ended - fault.at, heirs[0].begun - fault.at


def _inherits(heir: Lease, lease: Lease) -> bool:
    """Whether a part was given what another had left."""
    left = set(lease.keys) - lease.verified
    return heir.position > lease.ended_at and heir.tenant == lease.tenant and not left.isdisjoint(heir.keys)


def _spoils(other: Fault, fault: Fault) -> bool:
    """Whether another fault was about on the same node, or on any node if the work had to find one, before this one was over."""
    assert fault.seconds is not None
    near = fault.at - NEAR < max(other.until, other.at) and other.at < fault.at + fault.seconds
    concerns = other.node == fault.node or not (fault.kind.startswith("engine") and other.kind.startswith("engine"))
    return other is not fault and near and concerns
