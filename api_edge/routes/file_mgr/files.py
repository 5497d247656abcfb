"""Files, with an address where they are ready."""

import re

import msgspec

from api_edge.edge import Call, Edge
from api_edge.entities import newest, one, row_of
from api_edge.errors import unavailable
from api_edge.object_addresses import ADDRESS_SECONDS
from api_edge.routing import CommandRoute, Row
from contracts.file_mgr.files import FILES


class PlaceOfFile(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a file for its address, and shown to nobody."""

    object_key: str


class FileAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A file; a ready one has an address under `url` for an hour."""

    url: str = ""


FILE = row_of(FILES, FileAddress)
_UNSAFE = re.compile(r"[^\w .()-]+")


def file(edge: Edge, call: Call, rows: list[Row]) -> list[Row]:
    """Give one ready file its address; a list has none."""
    for row in rows if call.route.endswith("}") else ():
        if row["state"] == "ready" and row["object_key"]:
            if edge.store is None:
                raise unavailable("storage")
            row["url"] = edge.store.presign_get(row["object_key"], ADDRESS_SECONDS, _UNSAFE.sub("_", row["name"]) or "file")
    return rows


COMMANDS: list[CommandRoute] = []
QUERIES = [
    one(FILES, "/v1/files/{file_id}", "files:read", "Read a file", also=PlaceOfFile, row=FILE, present=file),
    newest(FILES, "/v1/files", "files:read", "List files", also=PlaceOfFile, row=FILE, present=file),
]
