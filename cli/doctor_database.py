"""The checks of `flatrender doctor` that ask the database of the stack that runs: what waits, and for whom."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import asyncpg

MOST = 5  # things that are named; of more the first


class Finding(NamedTuple):
    """What a check found; `advice` is empty when nothing is to be done."""

    good: bool
    text: str
    advice: str = ""


Look = Callable[["asyncpg.Connection"], Awaitable[Finding]]


async def inside(place: Path, look: Look) -> Finding:
    """What a look finds in the database of the stack that runs from this folder, if one does."""
    import asyncpg

    from cli.database import Database
    from cli.errors import Mistake
    from cli.service import running

    facts = await running(place)
    if facts is None:
        return Finding(True, f"nothing runs from {place}")
    try:
        async with Database(facts.pg_dsn).connection() as conn:
            return await look(conn)
    except Mistake as error:
        return Finding(False, str(error), error.remedy)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        return Finding(True, "the database is of an earlier release")


async def _log(conn: "asyncpg.Connection") -> Finding:
    """What the log waits for."""
    from consumers.log.repairs import alarms

    found = await alarms(conn)
    if not found:
        return Finding(True, "nothing stops the log")
    return Finding(False, "; ".join(f"{one.name}: {one.detail}" for one in found), " ".join(one.remedy for one in found))


async def _reactions(conn: "asyncpg.Connection") -> Finding:
    """How far the domains are behind the log, where their commands wait for that."""
    from consumers.runtime.reaction_cursors import standing
    from contracts.domains import DOMAINS

    found = [(domain, name, where) for domain in DOMAINS for name, where in (await standing(conn, domain)).items()]
    learning = [f"{domain} learns {name}: at {where.position} of {where.goal}" for domain, name, where in found if where.learns]
    advice = "Its commands wait meanwhile. If the number stays where it is, the consumers' log says why, with ALARM."
    return Finding(not learning, "; ".join(learning) or f"{len(found)} reactions have learned what was", advice if learning else "")


async def _effects(conn: "asyncpg.Connection") -> Finding:
    """What waits for a person to say what became of it, or whether it is to be tried again."""
    from cli.effects import counts

    rows = await counts(conn)
    waiting = [f"{row['count']} {row['domain']}.{row['kind']} {row['state']}" for row in rows if row["state"] in ("unknown", "exhausted")]
    total = sum(row["count"] for row in rows)
    advice = "`flatrender effects list --state unknown`, or exhausted, says why; docs/guides/effects.md what to do."
    return Finding(not waiting, "; ".join(waiting) or f"{total} effects are to be done, none waits for a person", advice if waiting else "")


async def _timers(conn: "asyncpg.Connection") -> Finding:
    """Timers that were set aside."""
    from consumers.runtime.timers import listing
    from contracts.domains import DOMAINS

    aside = [row for domain in DOMAINS for row in await listing(conn, domain, only_aside=True)]
    text = "; ".join(f"{row.domain}: {row.name} ({row.set_aside})" for row in aside[:MOST])
    return Finding(not aside, text or "no timer was set aside", "`flatrender timers list` shows them." if aside else "")


async def _check(conn: "asyncpg.Connection") -> Finding:
    """What the standing check found."""
    from deploy.check.progress import standing

    found, looked_at = await standing(conn)
    if found:
        return Finding(False, "; ".join(f"{one.name}: {one.place}" for one in found[:MOST]), "`flatrender check` says what to do.")
    when = f"looked at {looked_at:%Y-%m-%d %H:%M:%S}" if looked_at else "has not looked yet"
    return Finding(True, f"nothing differs; the standing check {when}")


LOOKS: dict[str, Look] = {"log": _log, "reactions": _reactions, "effects": _effects, "timers": _timers, "check": _check}
