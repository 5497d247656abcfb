"""Pictures of scenes."""

from uuid import UUID

from api_edge.routes.render import verified_files
from api_edge.routing import CommandRoute, QueryRoute
from api_edge.rows import Versioned
from contracts.render.snapshots import SnapshotState
from contracts.spec import Warning


class SnapshotRow(Versioned, frozen=True, kw_only=True):
    """A picture of a scene; one that is done has its address under `url` for an hour, if its file is `whole`."""

    snapshot_id: UUID
    project_id: UUID
    state: SnapshotState
    width: int
    height: int
    frame: int
    cache_key: str
    sha256: str
    bytes: int
    degraded: bool
    code: str
    detail: str
    field: str
    warnings: tuple[Warning, ...]
    url: str = ""
    file: verified_files.ServedFile = ""


COMMANDS: list[CommandRoute] = []
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/snapshots/{snapshot_id}",
        "snapshot_by_id",
        "render:read",
        "Read a picture of a scene",
        SnapshotRow,
        one=True,
        complete=verified_files.snapshot,
    ),
]
