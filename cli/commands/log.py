"""`flatrender log`: reads the event log; and what a person does about what stops it."""

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


@app.callback(invoke_without_command=True)
def log(
    context: typer.Context,
    tenant: Annotated[UUID | None, typer.Option("--tenant", metavar="ID", help="Only this tenant's events.")] = None,
    type_: Annotated[str | None, typer.Option("--type", metavar="PREFIX", help="Only types that begin so, as in render.job.")] = None,
    since: Annotated[str, typer.Option("--since", metavar="POSITION", help="Only events behind this position.")] = "0",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    json: Json = False,
    data: Data = None,
    pg_dsn: PgDsn = None,
) -> None:
    """Read the event log: position, time, type, what it changed, and who caused it.

    Needs PostgreSQL only, and starts it from the data folder where it is not running.
    """
    if context.invoked_subcommand is not None:
        return
    try:
        run(_log(tenant, type_, since, follow, json, data, pg_dsn))
    except Stopped:
        if not follow:
            raise


@app.command()
def alarms(data: Data = None, pg_dsn: PgDsn = None, json: Json = False) -> None:
    """Show what stops the log, or a domain's outbox, until a person has looked."""
    run(_alarms(data, pg_dsn, json))


@app.command()
def release(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="Whose outbox waits, as `flatrender log alarms` shows it.")],
    as_: Annotated[
        str | None,
        typer.Option("--as", metavar="new|copy", help="new: another fact, gets an id of its own; copy: the very same fact, is removed."),
    ] = None,
    data: Data = None,
    pg_dsn: PgDsn = None,
) -> None:
    """Let an outbox go on that waits at an event whose id the log has already; without --as it shows both events."""
    run(_release(domain, as_, data, pg_dsn))


@app.command("raise-epoch")
def raise_epoch(
    yes: Annotated[bool, typer.Option("--yes", help="The database was restored, and what followed is given up.")] = False,
    data: Data = None,
    pg_dsn: PgDsn = None,
) -> None:
    """Declare that the log was restored from a backup: EVENTS is made anew from it, and clients are told.

    Read docs/guides/operating.md first: what was published after the backup is given up.
    """
    run(_raise_epoch(yes, data, pg_dsn))


async def _log(tenant: UUID | None, type_: str | None, since: str, follow: bool, json: bool, data: Path | None, dsn: str | None) -> None:
    import msgspec

    from cli.database import database
    from consumers.log import LogDamaged, LogEvent, read
    from consumers.log.repairs import epoch_of
    from contracts.message import Kind, for_operators
    from contracts.positions import position_text, read_position

    kind = f"{Kind.EVENT}."
    try:
        _, behind = read_position(since)
    except ValueError as error:
        raise Mistake("log.position", str(error), "--since", "Write one as this command shows it.") from error

    def line(event: LogEvent) -> str:
        if json:
            body = {**msgspec.structs.asdict(event), "epoch": epoch, "body": msgspec.Raw(for_operators(event.type, event.body))}
            return msgspec.json.encode(body).decode()
        when = event.time.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
        name = event.type.removeprefix(kind).rpartition(".")[0]
        return f"{position_text(epoch, event.position):>8}  {when}  {name:<40} {event.aggregate} v{event.version}  {event.actor}"

    prefix = None if type_ is None else kind + type_.removeprefix(kind)
    async with database(data, dsn) as found, found.connection() as conn, AsyncExitStack() as stack:
        store = await found.store(stack)
        while True:
            epoch = await epoch_of(conn)
            try:
                async for events in read(conn, behind, tenant=tenant, type_prefix=prefix, store=store):
                    print("\n".join(map(line, events)), flush=True)
                    behind = events[-1].position
            except LogDamaged as error:
                raise Mistake(
                    "log.damaged", str(error), remedy="Use --since behind it, or start the stack for its object storage."
                ) from error
            if not follow:
                return
            await asyncio.sleep(LOOK_EVERY)


async def _alarms(data: Path | None, dsn: str | None, json: bool) -> None:
    import msgspec

    from cli.database import database
    from consumers.log.repairs import alarms

    async with database(data, dsn) as found, found.connection() as conn:
        rows = await alarms(conn)
    for row in rows:
        text = f"{row.name}  since {row.since:%Y-%m-%d %H:%M:%S}\n    {row.detail}\n    What to do: {row.remedy}"
        print(msgspec.json.encode(row).decode() if json else text)
    if not (rows or json):
        print("nothing stops the log")


async def _release(domain: str, how: str | None, data: Path | None, dsn: str | None) -> None:
    from cli.database import database
    from consumers.log import LogDamaged
    from consumers.log.repairs import NotReleased, release, repeated
    from contracts.domains import DOMAINS
    from contracts.message import for_operators

    if domain not in DOMAINS:
        raise Mistake("log.domain", f"there is no domain {domain[:80]!r}", "DOMAIN", f"Name one of {', '.join(DOMAINS)}.")
    async with database(data, dsn) as found, found.connection() as conn, AsyncExitStack() as stack:
        store = await found.store(stack)
        try:
            event = await repeated(conn, domain, store)
        except LogDamaged as error:
            raise Mistake("log.damaged", str(error), remedy="Start the stack for its object storage.") from error
        if event is None:
            detail = f"{domain}'s outbox does not wait at an id that the log has"
            raise Mistake("log.not_stopped", detail, remedy="See `flatrender log alarms`.")
        if how not in ("new", "copy"):
            print(f"event {event.id} of {domain}'s outbox:  {event.type}, tenant {event.tenant_id}, {event.time}")
            print(f"    {for_operators(event.type, event.body).decode()}")
            print(f"at position {event.position} of the log:  {event.logged_type}, tenant {event.logged_tenant_id}, {event.logged_time}")
            print(f"    {for_operators(event.logged_type, event.logged_body).decode()}")
            raise Mistake("log.undecided", "nothing was changed", "--as", "Say --as new if they are two facts, --as copy if they are one.")
        try:
            await release(conn, domain, event.id, "new" if how == "new" else "copy", store)
        except NotReleased as error:
            raise Mistake("log.not_released", str(error), "--as", "Look at both without --as.") from error
    print(f"{domain}'s outbox goes on within a second")


async def _raise_epoch(yes: bool, data: Path | None, dsn: str | None) -> None:
    from cli.database import database
    from consumers.log.repairs import raise_epoch

    if not yes:
        raise Mistake(
            "log.undecided",
            "what was published after the backup that this database was restored from is given up by this",
            "--yes",
            "Read docs/guides/operating.md (Restoring a backup), then say --yes.",
        )
    async with database(data, dsn) as found, found.connection() as conn:
        epoch, position = await raise_epoch(conn)
    print(f"the log is in epoch {epoch}; with earlier epochs it shares what stands up to position {position}")
