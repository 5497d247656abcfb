"""The render domain's snapshots (migration 26)."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from consumers.runtime.table import Row, Table
from contracts.fields import ObjectKey
from contracts.render.snapshots import SnapshotState
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
