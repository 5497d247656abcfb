"""Replays the log and says, for a person, whether it gives the state that is there."""

from collections.abc import Iterator
from contextlib import AsyncExitStack

import asyncpg

from cli.database import Database
from cli.errors import Mistake
from consumers.runtime.replay import Report
from deploy.replay import LogDamaged, verify

MIGRATE = "Start it once with this release (`flatrender up`), or run `flatrender migrate`."
START = "Start the stack with `flatrender up`, so that object storage can be read, and try again."


async def replayed(database: Database) -> Report:
    """Replay everything. Raises Mistake when the log cannot be read."""
    async with AsyncExitStack() as stack, database.connection():
        try:
            return await verify(database.dsn, store=await database.store(stack))
        except LogDamaged as error:
            raise Mistake("log.damaged", str(error), remedy="" if database.facts else START) from error
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
            raise Mistake("database.older", f"an earlier release made this database: {error}", remedy=MIGRATE) from error


def summary(report: Report) -> str:
    """One line on an equal report."""
    rows = sum(table.live_rows for table in report.tables)
    state = f"{rows} rows in {len(report.tables)} tables"
    return f"{report.events} events give the same {state} (hash by hash, chain unbroken), in {report.seconds:.1f} s"


def differences(report: Report) -> Iterator[str]:
    """Every known difference, a line each."""
    yield from report.problems
    for table in report.tables:
        if not table.equal:
            counts = ", ".join(f"{count} {kind}" for kind in ("changed", "missing", "extra") if (count := getattr(table, kind)))
            yield f"{table.table}: {table.live_rows} rows, the log gives {table.replayed_rows}: {counts}"
            yield from (f"  {difference}" for difference in table.differences)
