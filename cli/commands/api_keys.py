"""`flatrender api-keys`: the tenant's keys, and which of them are of the first format."""

from typing import Annotated

import typer

from cli.options import ApiKey, Data, Json, Url
from cli.service import Where
from cli.tables import Columns, Watch, ask, client, show, text, when

app = typer.Typer(add_completion=False, no_args_is_help=True, help="See a tenant's API keys, and which are to be replaced.")
LIST: Columns = {
    "key": text("hint"),
    "state": text("state"),
    "made": when("created_at"),
    "replace by": when("rotate_by"),
    "name": text("name"),
    "id": text("key_id"),
}
Old = Annotated[bool, typer.Option("--old", help="Only those of the first format that work: they are to be replaced.")]


@app.callback()
def api_keys() -> None:
    """See a tenant's API keys, and which are to be replaced."""


@app.command("list")
def list_(old: Old = False, watch: Watch = False, json: Json = False, url: Url = None, api_key: ApiKey = None, data: Data = None) -> None:
    """List all keys, the newest first; one that is to be replaced has a date for it."""

    async def work(where: Where) -> None:
        async with client(where) as api:

            async def look() -> list[dict[str, object]]:
                return [row for row in await api.rows("/v1/api-keys") if row.get("rotate_by") or not old]

            await show(look, LIST, json=json, watch=watch, empty="no API key is of the first format" if old else "there is no API key")

    ask(work, url, api_key, data, watch)
