"""The render domain's snapshots (migration 26)."""

from uuid import UUID

from consumers.runtime.table import Row, Table
from contracts.spec import RenderSpec


class Snapshot(Row, frozen=True, kw_only=True):
    """One frame of a scene as a picture."""

    snapshot_id: UUID
    cache_key: str
    spec: RenderSpec
    frame: int
    state: str = "queued"  # queued, assigned, done, failed
    attempts: int = 0
    object_key: str = ""
    sha256: str = ""
    bytes: int = 0
    degraded: bool = False
    code: str = ""
    detail: str = ""
    field: str = ""


SNAPSHOTS = Table("render.snapshots", Snapshot, ("snapshot_id",))
