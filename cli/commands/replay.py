"""`flatrender replay`: the log once more into empty tables, compared with the live ones."""

from pathlib import Path
from typing import Annotated

import typer

from cli.entry import fail
from cli.options import Data, Json, PgDsn
from cli.running import run

app = typer.Typer(add_completion=False)


@app.command()
def replay(
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare every event table with what the log says (there is no other mode).")
    ] = True,
    data: Data = None,
    pg_dsn: PgDsn = None,
    json: Json = False,
) -> None:
    """Rebuild all state from the log in a scratch database, and compare it with the live one; 1 when they disagree.

    Needs PostgreSQL only, and starts it from the data folder where it is not running. Nothing live is changed.
    """
    if not run(_replay(data, pg_dsn, json)):
        fail()


async def _replay(data: Path | None, dsn: str | None, json: bool) -> bool:
    import msgspec

    from cli.database import database
    from cli.replaying import differences, replayed, summary

    async with database(data, dsn) as found:
        report = await replayed(found)
    if json:
        print(msgspec.json.encode({"equal": report.equal, **msgspec.to_builtins(report)}).decode())
    elif report.equal:
        print(f"equal: {summary(report)}")
    else:
        print("NOT equal: the tables are not what the log says.")
        print("\n".join(differences(report)))
    return report.equal
