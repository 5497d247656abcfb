"""Finished objects are served as they were reported or not at all.

One that is otherwise is told to the render domain, which has an export joined anew and marks a picture failed.
"""

import logging
from collections.abc import Callable
from typing import Literal
from uuid import UUID

from api_edge.edge import Call, Edge
from api_edge.errors import unavailable
from api_edge.handlers.object_checks import FileState
from api_edge.object_addresses import ADDRESS_SECONDS
from api_edge.routing import Complete, Row
from contracts.actors import EDGE
from contracts.envelope import first
from contracts.ids import derived_id
from contracts.message import Command
from contracts.render.repairs import RequestRepair
from contracts.render.snapshots import ReportSpoilt
from producers.publisher import PublishFailed

ServedFile = Literal[FileState, ""]
"""What was seen of the file of a row; empty while there is none."""
log = logging.getLogger(__name__)


def served(kind: str, done: str, id: str, file: str, telling: Callable[[UUID, str, str], Command]) -> Complete:
    """Completes a row of this kind that is in state `done`: its file's state, and its address if that is as reported.

    `file` is the download's name, with the row's `id` in it; `telling` makes the command that tells of a file that is not as reported, by
    its id, its place, and what was found in words.
    """

    async def complete(edge: Edge, call: Call, found: Row, row: Row) -> None:
        key = found["object_key"]
        if row["state"] != done or not key:
            return
        if edge.store is None or edge.reader is None:
            raise unavailable("storage")
        who = call.who
        scrubbed = await edge.reader.select("object_look", who.tenant_text, who.tenant, kind, str(row[id]))
        doubts = [str(one["checked_at"]) for one in scrubbed.rows if one["object_key"] == key and one["found"] != "whole"]
        seen = await edge.object_checks.look(edge.store, who.tenant, key, row["sha256"], row["bytes"], "".join(doubts))
        row["file"] = seen.state
        if seen.state == "whole":
            row["url"] = edge.store.presign_get(key, ADDRESS_SECONDS, file.format(row[id]))
        elif seen.found:
            await _tell(edge, who.tenant, key, telling(row[id], key, seen.found))

    return complete


async def _tell(edge: Edge, tenant: UUID, key: str, command: Command) -> None:
    """Tell the domain once of an object: the command's id is made of its place."""
    if key in edge.object_checks.told or edge.publisher is None:
        return
    log.warning("the finished object %s of tenant %s is not served: it is not what was reported", key, tenant)
    try:
        told = first(command, tenant=tenant, actor=EDGE, id=derived_id(tenant, f"{key} is not as reported"))
        await edge.publisher.publish(command, told)
    except PublishFailed as error:
        log.warning("that %s is not as reported could not be told: %s", key, error)
        return
    edge.object_checks.told.add(key)


def _repair(id: UUID, key: str, found: str) -> Command:
    return RequestRepair(job_id=id, export=True, reason=found)


def _spoilt(id: UUID, key: str, found: str) -> Command:
    return ReportSpoilt(snapshot_id=id, object_key=key, found=found)


export = served("export", "completed", "job_id", "render-{}.mp4", _repair)
snapshot = served("snapshot", "done", "snapshot_id", "snapshot-{}.png", _spoilt)
