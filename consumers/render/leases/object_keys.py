"""Where the farm's objects lie: named by what they are and by the lease under which they were made, so that nobody overwrites another's."""

from uuid import UUID

from contracts.ids import id_text


def segment_object_key(tenant: UUID, key: str, epoch: int, part_id: UUID) -> str:
    """The object of one segment as one lease drew it."""
    return f"segments/{id_text(tenant)}/{key}/{epoch}-{id_text(part_id)}"


def export_object_key(tenant: UUID, job_id: UUID, epoch: int, part_id: UUID) -> str:
    """The object of a finished video."""
    return f"exports/{tenant}/{job_id}/{epoch}-{part_id}.mp4"


def snapshot_object_key(tenant: UUID, snapshot_id: UUID, epoch: int, part_id: UUID) -> str:
    """The object of a scene's picture."""
    return f"snapshots/{tenant}/{snapshot_id}/{epoch}-{part_id}.png"


def scan_object_key(tenant: UUID, file_id: UUID, part_id: UUID) -> str:
    """The object of what an inspection found in a template."""
    return f"scans/{tenant}/{file_id}/{part_id}.json"
