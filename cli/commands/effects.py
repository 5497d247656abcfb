"""`flatrender effects`: what is still to be done in the world, and what a person does about it."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from cli.errors import Mistake
from cli.options import Data, Json, PgDsn
from cli.running import run
from contracts.effects import STATES, EffectAct

app = typer.Typer(add_completion=False, no_args_is_help=True, help="See what is still to be done in the world, and act on it.")
Id = Annotated[UUID, typer.Argument(metavar="ID", help="The effect's id, as `list` shows it.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the log.")]
NatsUrl = Annotated[
    str | None,
    typer.Option("--nats-url", envvar="FLATRENDER_NATS_ADMIN_URL", metavar="URL", help="NATS with a user's name, next to --pg-dsn."),
]


@app.callback()
def effects() -> None:
    """See what is still to be done in the world, and act on it."""


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option("--state", help=f"Only in this state: {', '.join(STATES)}.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only of this kind, as open or dispatch.")] = None,
    domain: Annotated[str | None, typer.Option("--domain", help="Only this domain's.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many of a domain, the oldest first.")] = 100,
    json: Json = False,
    data: Data = None,
    pg_dsn: PgDsn = None,
) -> None:
    """List all tenants' effects that are not over, the oldest first.

    Needs PostgreSQL only, and starts it from the data folder where it is not running.
    """
    if state is not None and state not in STATES:
        raise typer.BadParameter(f"there is no state {state!r}; there are {', '.join(STATES)}", param_hint="--state")
    run(_list(state, kind, domain, limit, json, data, pg_dsn))


@app.command()
def count(json: Json = False, data: Data = None, pg_dsn: PgDsn = None) -> None:
    """Count effects by domain, kind and state, with the age of the oldest."""
    run(_count(json, data, pg_dsn))


@app.command()
def retry(effect: Id, reason: Reason = "", data: Data = None, pg_dsn: PgDsn = None, nats_url: NatsUrl = None) -> None:
    """Try at once what waits for its next try, or whose tries are used up."""
    run(_act(effect, "retry", reason, data, pg_dsn, nats_url))


@app.command()
def settle(
    effect: Id,
    done: Annotated[bool, typer.Option("--done/--not-done", help="Whether it was done: what was not is done once more.")],
    reason: Reason = "",
    data: Data = None,
    pg_dsn: PgDsn = None,
    nats_url: NatsUrl = None,
) -> None:
    """Say what became of an effect of which that is unknown."""
    run(_act(effect, "settle_done" if done else "settle_not_done", reason, data, pg_dsn, nats_url))


@app.command("give-up")
def give_up(effect: Id, reason: Reason = "", data: Data = None, pg_dsn: PgDsn = None, nats_url: NatsUrl = None) -> None:
    """End an effect that has not been done; its domain hears of it."""
    run(_act(effect, "give_up", reason, data, pg_dsn, nats_url))


@app.command()
def pause(effect: Id, reason: Reason = "", data: Data = None, pg_dsn: PgDsn = None, nats_url: NatsUrl = None) -> None:
    """Let long work rest after its present chunk."""
    run(_act(effect, "pause", reason, data, pg_dsn, nats_url))


@app.command()
def resume(effect: Id, reason: Reason = "", data: Data = None, pg_dsn: PgDsn = None, nats_url: NatsUrl = None) -> None:
    """Let paused work go on where it stands."""
    run(_act(effect, "resume", reason, data, pg_dsn, nats_url))


@app.command()
def cancel(effect: Id, reason: Reason = "", data: Data = None, pg_dsn: PgDsn = None, nats_url: NatsUrl = None) -> None:
    """End long work; what its chunks have done stays."""
    run(_act(effect, "cancel", reason, data, pg_dsn, nats_url))


async def _list(
    state: str | None, kind: str | None, domain: str | None, limit: int, json: bool, data: Path | None, dsn: str | None
) -> None:
    import msgspec

    from cli.database import database
    from cli.effects import found, told

    async with database(data, dsn) as there, there.connection() as conn:
        rows = await found(conn, state, kind, domain, limit)
    for row in rows:
        print(msgspec.json.encode(row).decode() if json else told(row))
    if not (rows or json):
        print("there is nothing to be done")


async def _count(json: bool, data: Path | None, dsn: str | None) -> None:
    import msgspec

    from cli.database import database
    from cli.effects import counts

    async with database(data, dsn) as there, there.connection() as conn:
        rows = await counts(conn)
    for row in rows:
        text = f"{row['domain']:<13} {row['kind']:<17} {row['state']:<10} {row['count']:>8}  oldest {row['oldest']:.0f} s"
        print(msgspec.json.encode(row).decode() if json else text)
    if not (rows or json):
        print("there is nothing to be done")


async def _act(effect: UUID, act: EffectAct, reason: str, data: Path | None, dsn: str | None, nats_url: str | None) -> None:
    from cli.database import database
    from cli.effects import steer

    async with database(data, dsn) as there, there.connection() as conn:
        address = nats_url or (there.facts.nats_url if there.facts else None)
        if address is None:
            raise Mistake("effects.no_broker", "the stack does not run, so nobody would decide it", remedy="Start it with `flatrender up`.")
        print(await steer(conn, address, effect, act, reason))
