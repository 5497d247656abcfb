"""What the check keeps between two runs: how far it has looked, where its walks go on, and what was found and stands."""

import logging
from collections.abc import Sequence
from datetime import datetime

import asyncpg

import sql
from deploy.check.differences import Difference
from deploy.check.look import Kept, Look

log = logging.getLogger(__name__)
MOST_KEPT = 500  # differences: where more differs, one more says nothing
STRETCH = frozenset({"chain", "window", "rows", "events", "commands", "causes", "effects", "timers", "head"})
"""Comparisons that look at what is behind the kept position only: it stays where it is while one of them finds something."""
_q = sql.load("check")


async def kept(conn: asyncpg.Connection) -> Kept:
    """What was left. Raises asyncpg's errors."""
    async with conn.transaction():
        await conn.execute("set local app.tenants = '*'")
        state = dict(await conn.fetchrow(_q.state))
        walks = {row["name"]: row["after"] for row in await conn.fetch(_q.walks)}
        return Kept(**state, walks=walks, standing=tuple(await _standing(conn)))


async def _standing(conn: asyncpg.Connection) -> list[Difference]:
    names = ("name", "place", "expected", "found", "remedy", "again")
    return [Difference(**{name: row[name] for name in names}) for row in await conn.fetch(_q.standing)]


async def standing(conn: asyncpg.Connection) -> tuple[list[Difference], datetime | None]:
    """What was found and stands, and when was looked the last time. Raises asyncpg's errors."""
    return await _standing(conn), await conn.fetchval(_q.looked)


async def write(conn: asyncpg.Connection, look: Look, found: Sequence[Difference]) -> None:
    """Keep what a check found; one that is new sounds an alarm, one that is over ends it."""
    async with conn.transaction():
        await conn.execute("set transaction read write")
        for one in found[:MOST_KEPT]:
            if await conn.fetchval(_q.keep_difference, one.name, one.place, one.expected, one.found, one.remedy, one.again):
                # Not what is there: rows hold what is a person's.
                log.error("ALARM: %s: %s differs; `flatrender check` says how", *one.known)
        there = {one.known for one in found}
        left = [one for one in look.kept.standing if one.known not in there and _looked_again(look, one)]
        for one in left:
            await conn.execute(_q.end_difference, *one.known)
            log.info("the alarm %s: %s has ended", one.name, one.place)
        if not _holds(look, found, left):
            await conn.execute(_q.keep_state, *_compared_to(look), look.head.now)
        for name, after in look.walked.items():
            await conn.execute(_q.keep_walk, name, after)
        await conn.execute(_q.keep_looked, False)


def _compared_to(look: Look) -> tuple[int, str]:
    """Where the next check begins, with the hash that stands there: no further than copies have learned, if they are about to."""
    learned = [until for _, until in look.spans.values() if look.last - look.bounds.events < until < look.last]
    position = max(min(learned, default=look.last), look.stretch.since)
    if position == look.last:
        return position, look.stretch.hash
    if position == look.stretch.since:
        return (position, look.kept.hash) if position == look.kept.position else (look.last, look.stretch.hash)
    return position, look.stretch.events[position - look.stretch.since - 1].hash


def _of_stretch(one: Difference) -> bool:
    return one.name in STRETCH and not one.again


def _looked_again(look: Look, one: Difference) -> bool:
    """What lay before a stretch that begins later than the last check ended was not looked at."""
    return not _of_stretch(one) or look.stretch.since <= look.kept.position


def _holds(look: Look, found: Sequence[Difference], left: Sequence[Difference]) -> bool:
    """Whether the next check has to begin where this one did: what stands there is to be looked at again."""
    ended = {one.known for one in left}
    standing = [one for one in look.kept.standing if one.known not in ended]
    return any(map(_of_stretch, (*found, *standing)))


async def forget(conn: asyncpg.Connection) -> None:
    """Begin anew, as if nothing had been compared: for a database that was restored."""
    async with conn.transaction():
        await conn.execute("set transaction read write")
        for statement in (_q.keep_nothing, _q.end_walks, _q.end_all):
            await conn.execute(statement)
