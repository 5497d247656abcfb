"""Where the farm's objects lie: named by what they are and by the lease under which they were made, so that nobody overwrites another's."""

import re
from uuid import UUID

from contracts.ids import id_text

_ADDRESS = re.compile(r"(https?://)(?:[^/?#@\s]*@)?([^/?#\s'\"]*)([/?#][^\s'\"]*)", re.IGNORECASE)


def without_places(text: str) -> str:
    """A node's words on what went wrong, as tenants read them: of each web address the server alone; the rest is where an object lies.

    The node's own log has the whole address.
    """
    return _ADDRESS.sub(_server, text)


def _server(found: re.Match[str]) -> str:
    rest = found[3]
    return f"{found[1]}{found[2]}/…{rest[len(rest.rstrip(':,;.)')) :]}"


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
