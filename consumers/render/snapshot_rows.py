"""The render domain's snapshots (migration 26), and what all short kinds of work have in common."""

from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta

from consumers.render.rows import INSPECTIONS
from consumers.runtime.table import Row, Table
from contracts.fields import ObjectKey
from contracts.snapshot import SnapshotState
from contracts.spec import RenderSpec
from contracts.visibility import Public


class Snapshot(Row, frozen=True, kw_only=True):
    """One frame of a scene as a picture."""

    snapshot_id: Public[UUID]
    cache_key: str
    spec: RenderSpec
    frame: Public[Annotated[int, Meta(ge=0)]]
    state: Public[SnapshotState] = "queued"
    attempts: int = 0
    object_key: ObjectKey = ""
    sha256: Public[str] = ""
    bytes: Public[int] = 0
    degraded: Public[bool] = False
    code: Public[str] = ""
    detail: Public[str] = ""
    field: Public[str] = ""


SNAPSHOTS = Table("render.snapshots", Snapshot, ("snapshot_id",))
WAITING: dict[str, Table[Any]] = {"inspect": INSPECTIONS, "snapshot": SNAPSHOTS}
"""What waits for a node by itself, by its kind: rows with a state (queued, assigned, then ended) and attempts."""
