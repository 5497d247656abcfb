"""The log itself: its chain, its head, its archives, and what it says that it waits for."""

import hashlib

import asyncpg

import sql
from adapters.object_store import ObjectMissing
from contracts.chain import GENESIS
from contracts.runs import LARGEST
from deploy.check import stretch
from deploy.check.differences import Difference
from deploy.check.look import Look

_q = sql.load("check")
ARCHIVES, SIZES = "archives", "archives.sizes"  # walks: by their content one by one, and by their size a page at a time
RESTORE = "Put the object back from a backup of the store; without it the log before it cannot be read."


async def chain(look: Look) -> list[Difference]:
    """Whether the stretch continues what was compared before, without a hole and as it was written."""
    kept, begins = look.kept, look.stretch.since
    known = kept.hash if begins == kept.position else ""
    if kept.position and kept.position <= look.last and look.head.first <= kept.position:
        there = await look.conn.fetchval(_q.hash_at, kept.position)
        if there != kept.hash:
            place, found = f"position {kept.position} of the log", "no event" if there is None else f"one of hash {there[:16]}…"
            return [_chain(place, f"the event of hash {kept.hash[:16]}… that was compared before", found)]
    if kept.position > look.last:
        place = "the end of the log"
        return [_chain(place, f"at least {kept.position}, where it was before (after restoring a backup, see --reset)", str(look.last))]
    return stretch.chain(look.stretch, known or (GENESIS if not begins else ""))


def _chain(place: str, expected: str, found: str) -> Difference:
    return Difference(name="chain", place=place, expected=expected, found=found, remedy=stretch.REWRITTEN)


async def head(look: Look) -> list[Difference]:
    """`log.head` against the log's rows."""
    at, found = look.head, []
    if (at.position, at.hash) != (at.last, at.last_hash):
        found.append(
            _head("position", f"{at.last} with the hash {at.last_hash[:16]}…, the log's last row", f"{at.position}, {at.hash[:16]}…")
        )
    if at.published > at.position:
        found.append(_head("published", f"at most {at.position}, where the log ends", at.published))
    if at.published < look.kept.published:
        found.append(_head("published", f"at least {look.kept.published}, as it was", at.published))
    late = [event for event in look.stretch.events if event.position > at.published]
    if late and (at.now - late[0].time).total_seconds() > look.bounds.waiting:
        found.append(_head("published", f"{late[0].position} or more: that event is of {late[0].time:%H:%M:%S}", at.published, moves=True))
    return found


def _head(what: str, expected: str, found: object, *, moves: bool = False) -> Difference:
    remedy = "See the file of `log`: it publishes what the log has. `flatrender log alarms` says what stops it."
    return Difference(name="head", place=f"log.head.{what}", expected=expected, found=str(found), remedy=remedy, moves=moves)


async def alarms(look: Look) -> list[Difference]:
    """What the log waits for a person with."""
    rows = await look.conn.fetch(_q.alarms)
    return [
        Difference(name="alarms", place=row["name"], expected="no alarm of the log", found=row["detail"], remedy=row["remedy"])
        for row in rows
    ]


async def archives(look: Look) -> list[Difference]:
    """Runs in object storage: without holes, up to where the table begins; a page of them there in their size, one read whole; or all."""
    rows = await look.conn.fetch(_q.archives)
    found = await _in_a_row(look, rows)
    sizes = rows if look.bounds.whole else _next(look, rows, SIZES, look.bounds.objects)
    look.counts.archives += len(sizes)
    for row in sizes:
        if (size := await look.store.head(row["object_key"])) != row["bytes"]:
            found.append(_archive(row, f"{row['bytes']:,} bytes", "no object" if size is None else f"{size:,} bytes", SIZES))
    for row in rows if look.bounds.whole else _next(look, rows, ARCHIVES, 1):
        found += await _read(look, row)
    return found


async def _in_a_row(look: Look, rows: list[asyncpg.Record]) -> list[Difference]:
    position, hash, found = 0, GENESIS, []
    for row in rows:
        if row["first"] != position + 1 or row["prev_hash"] != hash:
            found.append(_archive(row, f"that it continues position {position} (hash {hash[:16]}…)", f"hash {row['prev_hash'][:16]}…"))
        position, hash = row["last"], row["hash"]
    if look.head.first > position + 1:
        expected = f"the events from {position + 1} on in the log's table"
        found.append(_chain(f"position {position + 1} of the log", expected, f"none before {look.head.first}"))
    return found


def _next(look: Look, rows: list[asyncpg.Record], walk: str, most: int) -> list[asyncpg.Record]:
    """The archives whose turn it is in a walk, and those again that it found wrong."""
    after, again = int(look.walks.get(walk) or 0), set(map(int, look.again(walk)))
    turn = [row["first"] for row in rows if row["first"] > after][:most]
    look.walked[walk] = str(turn[-1]) if turn and turn[-1] != rows[-1]["first"] else ""
    return [row for row in rows if row["first"] in again.union(turn)]


async def _read(look: Look, row: asyncpg.Record) -> list[Difference]:
    try:
        packed = await look.store.get(row["object_key"], LARGEST)
    except ObjectMissing:
        return []  # its size has told
    hash = hashlib.sha256(packed).hexdigest()
    if hash == row["sha256"]:
        return []
    return [_archive(row, f"the content of SHA-256 {row['sha256'][:16]}…", f"{hash[:16]}…")]


def _archive(row: asyncpg.Record, expected: str, found: str, walk: str = ARCHIVES) -> Difference:
    place = f"the archive {row['object_key']} (positions {row['first']} to {row['last']})"
    return Difference(name="archives", place=place, expected=expected, found=found, remedy=RESTORE, again=f"{walk} {row['first']}")
