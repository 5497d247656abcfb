"""`flatrender log`: reads the event log."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from cli.errors import Mistake
from cli.options import Data, Json, PgDsn
from cli.running import Stopped, run

app = typer.Typer(add_completion=False)
LOOK_EVERY = 0.3  # seconds between two looks for new events


@app.command()
def log(
    tenant: Annotated[UUID | None, typer.Option("--tenant", metavar="ID", help="Only this tenant's events.")] = None,
    type_: Annotated[str | None, typer.Option("--type", metavar="PREFIX", help="Only types that begin so, as in render.job.")] = None,
    since: Annotated[int, typer.Option("--since", min=0, metavar="POSITION", help="Only events behind this position.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    json: Json = False,
    data: Data = None,
    pg_dsn: PgDsn = None,
) -> None:
    """Read the event log: position, time, type, what it changed, and who caused it.

    Needs PostgreSQL only, and starts it from the data folder where it is not running.
    """
    try:
        run(_log(tenant, type_, since, follow, json, data, pg_dsn))
    except Stopped:
        if not follow:
            raise


async def _log(tenant: UUID | None, type_: str | None, since: int, follow: bool, json: bool, data: Path | None, dsn: str | None) -> None:
    import msgspec

    from cli.database import database
    from consumers.log import LogDamaged, LogEvent, read
    from contracts.message import Kind

    kind = f"{Kind.EVENT}."

    def line(event: LogEvent) -> str:
        if json:
            return msgspec.json.encode({**msgspec.structs.asdict(event), "body": msgspec.Raw(event.body.encode())}).decode()
        when = event.time.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
        name = event.type.removeprefix(kind).rpartition(".")[0]
        return f"{event.position:>8}  {when}  {name:<40} {event.aggregate} v{event.version}  {event.actor}"

    prefix = None if type_ is None else kind + type_.removeprefix(kind)
    async with database(data, dsn) as found, found.connection() as conn, AsyncExitStack() as stack:
        store = await found.store(stack)
        while True:
            try:
                async for events in read(conn, since, tenant=tenant, type_prefix=prefix, store=store):
                    print("\n".join(map(line, events)), flush=True)
                    since = events[-1].position
            except LogDamaged as error:
                raise Mistake(
                    "log.damaged", str(error), remedy="Use --since behind it, or start the stack for its object storage."
                ) from error
            if not follow:
                return
            await asyncio.sleep(LOOK_EVERY)
