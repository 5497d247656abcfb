"""Objects that rows name: each is there, in its size, with its content."""

import asyncio
import json
from typing import Any
from uuid import UUID

import msgspec

import sql
from adapters.object_store import ObjectMissing
from deploy.check.differences import Difference
from deploy.check.look import Look

_q = sql.load("check")
AT_ONCE = 8
FIRST = str(UUID(int=0))
REMEDY = "Put it back from a backup of the store; `flatrender scrub` has segments drawn and exports joined again."


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A table whose rows name objects, as SQL: what an object's size and SHA-256 are ('' and null for what the row does not say)."""

    name: str
    table: str
    key: str
    type: str = "uuid"  # of the key
    object_key: str = "object_key"
    bytes: str = "bytes"
    sha256: str = "sha256"
    where: str = "true"


OBJECTS = (
    Kept(name="files", table="file_mgr.files", key="file_id", where="object_key <> ''"),
    Kept(name="scans", table="file_mgr.files", key="file_id", object_key="scan_key", bytes="null", sha256="''", where="scan_key <> ''"),
    Kept(name="segments", table="render.segments", key="segment_key", type="text", where="state = 'done'"),
    Kept(name="exports", table="render.exports", key="job_id"),
    Kept(name="snapshots", table="render.snapshots", key="snapshot_id", where="state = 'done'"),
)
_PAGE = """
select tenant_id::text as tenant, {key}::text as key, {object_key} as object_key, {bytes}::bigint as bytes, {sha256} as sha256 from {table}
where {where} and (tenant_id, {key}) > ($1::text::uuid, $2::text::{type}) and updated_at < now() - make_interval(secs => $3)
order by tenant_id, {table}.{key} limit $4
"""


async def find(look: Look) -> list[Difference]:
    """A page of each table's objects, or all; and those pages again on which something was wrong."""
    return [one for kept in OBJECTS for one in await _of(look, kept)]


async def _of(look: Look, kept: Kept) -> list[Difference]:
    walk = f"objects.{kept.name}"
    found: list[Difference] = []
    begins = "" if look.bounds.whole else look.walks.get(walk, "")
    places, turn = list(dict.fromkeys([begins, *look.again(walk)])), begins
    for place in places:
        while True:
            rows = await _page(look, kept, place)
            found += [look.walking(walk, one, place) for one in await _compared(look, kept, rows)]
            following = json.dumps([rows[-1]["tenant"], rows[-1]["key"]]) if len(rows) == look.bounds.objects else ""
            if place == turn:
                turn = look.walked[walk] = following
            if not look.bounds.whole or not following:
                break
            place = following
        if look.bounds.whole:
            break
    return found


async def _page(look: Look, kept: Kept, place: str) -> list[Any]:
    tenant, key = json.loads(place) if place else (FIRST, FIRST if kept.type == "uuid" else "")
    statement = _PAGE.format(**msgspec.structs.asdict(kept))
    return list(await look.conn.fetch(statement, tenant, key, look.bounds.young, look.bounds.objects))


async def _compared(look: Look, kept: Kept, rows: list[Any]) -> list[Difference]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(row: Any) -> Difference | None:
        async with gate:
            return await _size(look, kept, row)

    found = [wrong for wrong in await asyncio.gather(*map(one, rows)) if wrong is not None]
    look.counts.objects += len(rows)
    told = {wrong.place for wrong in found}
    for row in _read_whole(look, kept, rows):
        if _place(kept, row) not in told and (wrong := await _content(look, kept, row)) is not None:
            found.append(wrong)
    return found


def _read_whole(look: Look, kept: Kept, rows: list[Any]) -> list[Any]:
    """All, or the first that is not too large, whichever a page begins with, and those that were wrong: only their content tells."""
    hashed = [row for row in rows if row["sha256"]]
    if look.bounds.whole:
        return hashed
    wrong = {one.place for one in look.kept.standing}
    first = [row for row in hashed if row["bytes"] <= look.bounds.hashed][:1]
    return [*first, *(row for row in hashed if row not in first and _place(kept, row) in wrong)]


async def _size(look: Look, kept: Kept, row: Any) -> Difference | None:
    size = await look.store.head(row["object_key"])
    if size is not None and row["bytes"] in (None, size):
        return None
    expected = "an object" if row["bytes"] is None else f"an object of {row['bytes']:,} bytes"
    return _differs(kept, row, expected, "none" if size is None else f"one of {size:,} bytes")


async def _content(look: Look, kept: Kept, row: Any) -> Difference | None:
    try:
        hash = await look.store.sha256(row["object_key"])
    except ObjectMissing:
        hash = "no object"
    return None if hash == row["sha256"] else _differs(kept, row, f"the content of SHA-256 {row['sha256'][:16]}…", f"{hash[:16]}…")


def _place(kept: Kept, row: Any) -> str:
    return f"{row['object_key']}, which {kept.table} {row['key']} of tenant {row['tenant']} names"


def _differs(kept: Kept, row: Any, expected: str, found: str) -> Difference:
    return Difference(name="objects", place=_place(kept, row), expected=expected, found=found, remedy=REMEDY)
