"""`flatrender quarantine`: what could not be handled, and another try for it."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from cli.errors import Mistake
from cli.options import Data, Json, PgDsn
from cli.running import run

app = typer.Typer(add_completion=False, help="See commands that could not be handled, and try them again.")


@app.command("list")
def list_(data: Data = None, pg_dsn: PgDsn = None, json: Json = False) -> None:
    """Show every command that waits for a person, with the reason.

    Needs PostgreSQL only, and starts it from the data folder where it is not running.
    """
    run(_list(data, pg_dsn, json))


@app.command()
def redrive(
    command_id: Annotated[UUID, typer.Argument(metavar="ID", help="The command's id, as `list` shows it.")],
    data: Data = None,
    pg_dsn: PgDsn = None,
    nats_url: Annotated[
        str | None,
        typer.Option("--nats-url", envvar="FLATRENDER_NATS_ADMIN_URL", metavar="URL", help="NATS with a user's name, next to --pg-dsn."),
    ] = None,
) -> None:
    """Give a command another try, once its reason is gone; needs a running stack."""
    run(_redrive(command_id, data, pg_dsn, nats_url))


async def _list(data: Path | None, dsn: str | None, json: bool) -> None:
    import msgspec

    from cli.database import database
    from cli.quarantine import held

    async with database(data, dsn) as found, found.connection() as conn:
        rows = await held(conn)
    for row in rows:
        text = f"{row.id}  {row.decided_at:%Y-%m-%d %H:%M:%S}  {row.type}  tenant {row.tenant_id}\n    {row.reason}"
        print(msgspec.json.encode(row).decode() if json else text)
    if not (rows or json):
        print("nothing is in quarantine")


async def _redrive(command_id: UUID, data: Path | None, dsn: str | None, nats_url: str | None) -> None:
    from contextlib import AsyncExitStack

    from cli.database import database
    from cli.quarantine import redrive as again
    from producers.publisher import PublishFailed

    async with database(data, dsn) as found, found.connection() as conn, AsyncExitStack() as stack:
        address = nats_url or (found.facts.nats_url if found.facts else None)
        if address is None:
            raise Mistake(
                "quarantine.no_broker",
                "the stack does not run, so nobody would handle the command",
                remedy="Start it with `flatrender up`.",
            )
        try:
            one = await again(conn, address, await found.store(stack), command_id)
        except PublishFailed as error:
            raise Mistake(
                "quarantine.unsent", f"the command could not be published and waits as before: {error}", remedy="Try again."
            ) from error
    print(f"{one.type} {one.id} is on its way again; `flatrender quarantine list` shows whether it came back")
