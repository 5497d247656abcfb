"""`flatrender migrate`: brings a database to this release."""

from typing import Annotated

import typer

from cli.errors import Mistake
from cli.running import run

app = typer.Typer(add_completion=False)


@app.command()
def migrate(
    pg_dsn: Annotated[
        str,
        typer.Option(
            "--pg-dsn", envvar="FLATRENDER_PG_ADMIN_DSN", metavar="DSN", help="PostgreSQL's address with an administrator's name."
        ),
    ],
) -> None:
    """Apply the migrations that a database lacks; running it again changes nothing.

    Every service role gets the password that FLATRENDER_PG_PASSWORDS has for it, else FLATRENDER_PG_PASSWORD, else keeps its own.
    """
    run(_migrate(pg_dsn))


async def _migrate(dsn: str) -> None:
    from adapters.settings import Settings
    from cli.database import Database
    from sql.migrate import MigrationDrift, set_role_passwords
    from sql.migrate import migrate as apply

    settings = Settings()
    async with Database(dsn).connection() as conn:
        try:
            applied = await apply(conn)
        except MigrationDrift as error:
            raise Mistake("migrate.drift", str(error)) from error
        await set_role_passwords(conn, settings.pg_password_of)
    print("\n".join(f"applied {name}" for name in applied) or "nothing to apply: the database is at this release")
