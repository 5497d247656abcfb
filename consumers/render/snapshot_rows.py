"""The render domain's snapshots (migration 26), and what all short kinds of work have in common."""

from typing import Any
from uuid import UUID

from consumers.render.rows import INSPECTIONS
from consumers.runtime.table import Row, Table
from contracts.snapshot import SnapshotState
from contracts.spec import RenderSpec


class Snapshot(Row, frozen=True, kw_only=True):
    """One frame of a scene as a picture."""

    snapshot_id: UUID
    cache_key: str
    spec: RenderSpec
    frame: int
    state: SnapshotState = "queued"
    attempts: int = 0
    object_key: str = ""
    sha256: str = ""
    bytes: int = 0
    degraded: bool = False
    code: str = ""
    detail: str = ""
    field: str = ""


SNAPSHOTS = Table("render.snapshots", Snapshot, ("snapshot_id",))
WAITING: dict[str, Table[Any]] = {"inspect": INSPECTIONS, "snapshot": SNAPSHOTS}
"""What waits for a node by itself, by its kind: rows with a state (queued, assigned, then ended) and attempts."""
