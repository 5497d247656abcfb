"""Small additions to what statements found: addresses of storage, and what this edge knows beside."""

import re
from collections.abc import Callable
from datetime import timedelta

import msgspec

from adapters.presign import BODY_HASH, checksum
from api_edge.edge import Call, Edge, Store
from api_edge.errors import Refused, unavailable
from api_edge.events import kind_of, shown
from api_edge.principals import KeyPrincipal, SessionPrincipal
from api_edge.routing import Row
from contracts.positions import position_text

ADDRESS_SECONDS = 3600  # that an address works
PARTS_AT_ONCE = 100
_UNSAFE = re.compile(r"[^\w .()-]+")


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


def file(edge: Edge, call: Call, rows: list[Row]) -> list[Row]:
    """Give one ready file its address."""
    return _with_url(edge, call, rows, "ready", lambda row: str(row["name"]))


def me(edge: Edge, call: Call, rows: list[Row]) -> list[Row]:
    """The tenant, and who asks with what rights."""
    who = call.who
    key_id, key_name = (who.credential, who.name) if isinstance(who, KeyPrincipal) else (None, "")
    shown: Row = {
        "actor": who.actor,
        "key_id": key_id,
        "key_name": key_name,
        "scopes": sorted(who.granted),
        "permissions": who.permissions(edge.scopes),
        "roles": who.roles if isinstance(who, SessionPrincipal) else (),
    }
    return [{**row, **shown} for row in rows]


def api_keys(edge: Edge, call: Call, rows: list[Row]) -> list[Row]:
    """Keys of the first format that work get a date by which to replace them."""
    for row in rows:
        old = row["format"] == 1 and row["state"] == "active"
        row["rotate_by"] = row["created_at"] + timedelta(days=edge.old_keys_days) if old else None
    return rows


def log(edge: Edge, call: Call, rows: list[Row]) -> list[Row]:
    """Events with what may be told of their bodies, and their ids in the event stream."""
    epoch = edge.feed.head.epoch if edge.feed else 0
    for row in rows:
        row["feed_id"] = position_text(epoch, row["position"])
        kind = kind_of(row["type"])
        row["type"] = kind.name
        row["data"] = msgspec.Raw(shown(kind, row["body"].encode()))
    return rows


def _with_url(edge: Edge, call: Call, rows: list[Row], state: str, name: Callable[[Row], str]) -> list[Row]:
    single = call.route.endswith("}")
    for row in rows:
        key = row["object_key"]
        if single and row["state"] == state and key:
            if edge.store is None:
                raise unavailable("storage")
            row["url"] = edge.store.presign_get(key, ADDRESS_SECONDS, _UNSAFE.sub("_", name(row)) or "file")
    return rows


def _first_part(text: str | None) -> int:
    if text is None:
        return 1
    if not (text.isascii() and text.isdigit() and int(text[:9]) >= 1):
        raise Refused("request.parameter", "first_part is a part's number, from 1 on.", "first_part")
    return int(text[:9])
