"""Files, with an address where they are ready."""

import re
from collections.abc import Callable

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
    """Give one ready file its address."""
    return _with_url(edge, call, rows, "ready", lambda row: str(row["name"]))


def _with_url(edge: Edge, call: Call, rows: list[Row], state: str, name: Callable[[Row], str]) -> list[Row]:
    single = call.route.endswith("}")
    for row in rows:
        key = row["object_key"]
        if single and row["state"] == state and key:
            if edge.store is None:
                raise unavailable("storage")
            row["url"] = edge.store.presign_get(key, ADDRESS_SECONDS, _UNSAFE.sub("_", name(row)) or "file")
    return rows


COMMANDS: list[CommandRoute] = []
QUERIES = [
    one(FILES, "/v1/files/{file_id}", "files:read", "Read a file", also=PlaceOfFile, row=FILE, present=file),
    newest(FILES, "/v1/files", "files:read", "List files", also=PlaceOfFile, row=FILE, present=file),
]
