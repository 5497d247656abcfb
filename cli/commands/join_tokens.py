"""`flatrender join-tokens`: by which nodes join the farm, each once."""

import re
from typing import Annotated, Any
from uuid import UUID

import typer

from cli.options import ApiKey, Data, Json, Url
from cli.service import Where
from cli.tables import Columns, Watch, ask, client, show, text, when

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Let nodes join the farm: each token lets one in, once.")
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
LIST: Columns = {
    "token": text("hint"),
    "state": text("state"),
    "expires": when("expires_at"),
    "note": text("note"),
    "node": text("node_id"),
    "id": text("token_id"),
}


@app.command()
def create(
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="For people: which machine it is for.")] = "",
    expires: Annotated[str, typer.Option("--expires", metavar="TIME", help="How long it lasts, as 30m, 2h or 7d.")] = "1h",
    json: Json = False,
    url: Url = None,
    api_key: ApiKey = None,
    data: Data = None,
) -> None:
    """Create a token, which is shown this once."""
    body = {"note": note, "expires_in": _seconds(expires)}

    async def work(where: Where) -> None:
        import msgspec

        async with client(where) as api:
            answer = await api.api.post("/v1/join-tokens", body, dict[str, Any])
        print(msgspec.json.encode(answer).decode() if json else answer["token"])

    ask(work, url, api_key, data)


@app.command("list")
def list_(watch: Watch = False, json: Json = False, url: Url = None, api_key: ApiKey = None, data: Data = None) -> None:
    """List all tokens, the newest first."""

    async def work(where: Where) -> None:
        async with client(where) as api:
            await show(lambda: api.rows("/v1/join-tokens"), LIST, json=json, watch=watch, empty="no join token was ever made")

    ask(work, url, api_key, data, watch)


@app.command()
def revoke(
    token: Annotated[UUID, typer.Argument(metavar="ID", help="The token's id, as `list` shows it.")],
    url: Url = None,
    api_key: ApiKey = None,
    data: Data = None,
) -> None:
    """End a token that was not used."""

    async def work(where: Where) -> None:
        async with client(where) as api:
            await api.api.post(f"/v1/join-tokens/{token}/revoke", {}, dict[str, Any])
        print(f"{token}: revoked")

    ask(work, url, api_key, data)


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no time; say 30m, 2h or 7d", param_hint="--expires")
    return int(found[1]) * UNITS[found[2]]
