"""The full form: replay with proof, the whole window, every archive and every object by its content, and all that the fast form does."""

import time

import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.log import LogDamaged
from deploy.check.bounds import Bounds
from deploy.check.differences import Difference, Report
from deploy.check.fast import Place, check, said
from deploy.replay import Report as Replayed
from deploy.replay import verify

MOST = {"events": 100_000, "messages": 1_000_000, "commands": 100_000, "objects": 1000}
"""What fits into memory; the log before that is the replay's."""
_q = sql.load("check")


async def check_whole(at: Place, pg_admin_dsn: str, bounds: Bounds) -> Report:
    """Everything. The address is a superuser's, as a replay makes a database of its own. Raises NotLooked."""
    began = time.monotonic()
    all_of_it = msgspec.structs.replace(bounds, whole=True, **MOST)
    report = await check(at, bounds=all_of_it)
    with said():
        differences = (*report.differences, *await _replayed(pg_admin_dsn, at.store))
        if not differences:
            await _all_agrees(at)
    return msgspec.structs.replace(report, differences=differences, whole=True, seconds=time.monotonic() - began)


async def _replayed(dsn: str, store: ObjectStore) -> list[Difference]:
    """A replay is one snapshot: what differs in it does not heal. An archive that cannot be read takes nothing from what was found."""
    try:
        report: Replayed = await verify(dsn, store=store)
    except LogDamaged as error:
        return [Difference(name="replay", place="the log", expected="a log that can be replayed", found=str(error))]
    found = [Difference(name="replay", place="the log", expected="a log that can be replayed", found=text) for text in report.problems]
    for table in report.tables:
        if not table.equal:
            counts = f"{table.changed} changed, {table.missing} missing, {table.extra} extra"
            found.append(Difference(name="replay", place=table.table, expected=f"{table.replayed_rows} rows as the log says", found=counts))
    found += [Difference(name="replay", place=str(one), expected="as the log says", found=one.kind) for one in report.differences]
    return found


async def _all_agrees(at: Place) -> None:
    """The next fast check begins at the end; what stood before is over."""
    async with at.conn.transaction():
        await at.conn.execute("set transaction read write")
        await at.conn.execute(_q.end_all)
        await at.conn.execute(_q.keep_looked, True)
