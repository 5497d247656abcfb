"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", file_okay=False, help="The data folder; without it the user's own (render: a temporary one)."),
]
PgDsn = Annotated[
    str | None,
    typer.Option(
        "--pg-dsn",
        envvar="FLATRENDER_PG_ADMIN_DSN",
        metavar="DSN",
        help="PostgreSQL's address with an administrator's name, instead of --data.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON lines for programs.")]
Url = Annotated[
    str | None, typer.Option("--url", envvar="FLATRENDER_URL", metavar="URL", help="A running FlatRender, as http://HOST:PORT.")
]
ApiKey = Annotated[str | None, typer.Option("--api-key", envvar="FLATRENDER_API_KEY", metavar="KEY", help="The key for --url.")]
