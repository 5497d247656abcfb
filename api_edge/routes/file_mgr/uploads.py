"""Uploads, with the addresses of their parts."""

import msgspec

from adapters.object_store import StoreError
from adapters.presign import BODY_HASH, checksum
from api_edge.edge import Call, Edge, Store
from api_edge.entities import newest, one, row_of
from api_edge.errors import Refused, unavailable
from api_edge.object_addresses import ADDRESS_SECONDS
from api_edge.routing import CommandRoute, Row
from contracts.file_mgr.uploads import UPLOADS, AbortUpload, CompleteUpload, StartUpload
from contracts.visibility import Public


class UploadPart(msgspec.Struct, frozen=True):
    """One part of an upload: PUT its `bytes` bytes to `url` with these headers, keep the answer's ETag; nothing else is taken."""

    number: Public[int]
    url: Public[str]
    bytes: Public[int]
    headers: Public[dict[str, str]]


class UploadParts(msgspec.Struct, frozen=True, kw_only=True):
    """An upload; once it is `open`, its parts' addresses stand under `parts` (100 at a time from ?first_part= on)."""

    parts: tuple[UploadPart, ...] = ()
    expires_in: int = 0


class PlaceOfParts(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of an upload for the addresses of its parts, and shown to nobody."""

    object_key: str
    storage_id: str


UPLOAD = row_of(UPLOADS, UploadParts)
PARTS_AT_ONCE, MOST_ERRORS = 100, 50


def upload(edge: Edge, call: Call, rows: list[Row]) -> list[Row]:
    """Give an open upload its parts' addresses, from ?first_part= on."""
    for row in rows:
        if row["state"] != "open" or call.route.endswith("/uploads"):
            continue
        if edge.store is None:
            raise unavailable("storage")
        first = _first_part(call.query("first_part"))
        numbers = range(first, min(first + PARTS_AT_ONCE, row["part_count"] + 1))
        row["parts"] = [_part(edge.store, row, number) for number in numbers]
        row["expires_in"] = ADDRESS_SECONDS
    return rows


def _part(store: Store, row: Row, number: int) -> Row:
    """One part's address, which takes as many bytes as the part has, and where it is the whole file, none but those that were announced."""
    length = min(row["part_bytes"], row["bytes"] - (number - 1) * row["part_bytes"])
    sha256 = row["sha256"] if row["part_count"] == 1 else ""
    url = store.presign_part(row["object_key"], row["storage_id"], number, ADDRESS_SECONDS, length, sha256)
    return {"number": number, "url": url, "bytes": length, "headers": {BODY_HASH: checksum(sha256)} if sha256 else {}}


def _first_part(text: str | None) -> int:
    if text is None:
        return 1
    if not (text.isascii() and text.isdigit() and int(text[:9]) >= 1):
        raise Refused("request.parameter", "first_part is a part's number, from 1 on.", "first_part")
    return int(text[:9])


async def parts_are_there(edge: Edge, call: Call, command: CompleteUpload) -> None:
    """Refuse a list of parts that the store would not join, while the upload can still be put right. Raises Refused.

    Whatever cannot be asked for now is found out later, where the parts are joined.
    """
    if edge.reader is None or edge.store is None:
        return
    found = await edge.reader.select("upload_place_by_id", call.who.tenant_text, call.who.tenant, command.upload_id)
    if not found.rows or found.rows[0]["state"] != "open" or found.rows[0]["part_count"] != len(command.etags):
        return  # which its domain tells
    try:
        there = await edge.store.parts(found.rows[0]["object_key"], found.rows[0]["storage_id"])
    except StoreError:
        return
    errors = tuple(
        {"field": f"etags[{number - 1}]", "code": "file.parts", "detail": _wrong(number, there.get(number))}
        for number, etag in enumerate(command.etags, 1)
        if etag.strip('"') != there.get(number, "").strip('"')
    )
    if errors:
        raise Refused("file.parts", errors[0]["detail"], errors[0]["field"], errors=errors[:MOST_ERRORS])


def _wrong(number: int, etag: str | None) -> str:
    if etag is None:
        return f"part {number} was not sent; the upload is still open: send it, then complete the upload"
    return f"this is not the ETag of part {number}; the upload is still open: give the ETag that the store answered, or send the part again"


COMMANDS = [
    CommandRoute("POST", "/v1/uploads", StartUpload, "files:write", "Announce a file", answers=201, location="/v1/uploads/{upload_id}"),
    CommandRoute(
        "POST", "/v1/uploads/{upload_id}/complete", CompleteUpload, "files:write", "Say that all parts were sent", check=parts_are_there
    ),
    CommandRoute("POST", "/v1/uploads/{upload_id}/abort", AbortUpload, "files:write", "Give an upload up"),
]
QUERIES = [
    one(
        UPLOADS,
        "/v1/uploads/{upload_id}",
        "files:read",
        "Read an upload",
        also=PlaceOfParts,
        row=UPLOAD,
        reads=("first_part",),
        present=upload,
    ),
    newest(UPLOADS, "/v1/uploads", "files:read", "List uploads", also=PlaceOfParts, row=UPLOAD, present=upload),
]
