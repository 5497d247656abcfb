"""`flatrender nodes`: the farm's nodes, how they fare, what died on them, and whether they get work."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.errors import Mistake
from cli.options import ApiKey, Data, Json, Url
from cli.service import Where
from cli.tables import Columns, Row, Watch, ask, client, line, show, size, text, when

app = typer.Typer(add_completion=False, no_args_is_help=True, help="See the farm's nodes, and give them work or none.")
Name = Annotated[str, typer.Argument(metavar="NODE", help="The node's name or id, as `list` shows it.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; shown with the node.")]
Force = Annotated[bool, typer.Option("--force", help="What it works on goes elsewhere at once.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="How many, the newest first.")]

LIST: Columns = {
    "name": text("name"),
    "state": text("state"),
    "service": text("service"),
    "slots": text("slots"),
    "release": text("release"),
    "since": when("updated_at"),
    "reason": lambda row: line(row["service_reason"]),
    "id": text("node_id"),
}
CRASHES: Columns = {
    "at": when("created_at"),
    "node": text("node_name"),
    "kind": text("kind"),
    "signal": lambda row: str(row["signal"] or ""),
    "frame": lambda row: str(row["last_frame"]) if row["last_frame"] >= 0 else "",
    "template": lambda row: row["template"][:12],
    "subject": text("subject_id"),
    "last words": lambda row: line(row["log_tail"].partition("\n")[0] if row["kind"] == "daemon_death" else row["log_tail"]),
}
HEALTH: Columns = {
    "at": when("at"),
    "cpu": lambda row: f"{row['cpu']:.0%}",
    "load": lambda row: f"{row['load']:.2f}",
    "memory": lambda row: size(row["memory"]),
    "disk free": lambda row: size(row["disk_free"]),
    "parts": text("parts"),
}
Look = Callable[[], Awaitable[Sequence[Row]]]


@app.command("list")
def list_(watch: Watch = False, json: Json = False, url: Url = None, api_key: ApiKey = None, data: Data = None) -> None:
    """List all nodes."""

    async def work(where: Where) -> None:
        async with client(where) as api:
            await show(lambda: api.rows("/v1/nodes"), LIST, json=json, watch=watch, empty="no node was ever here")

    ask(work, url, api_key, data, watch)


@app.command("show")
def show_(node: Name, json: Json = False, url: Url = None, api_key: ApiKey = None, data: Data = None) -> None:
    """Show all that is known of one node."""

    async def work(where: Where) -> None:
        import msgspec

        async with client(where) as api:
            row = await _node(api, node)
        if json:
            print(msgspec.json.encode(row).decode())
            return
        for name, value in row.items():
            print(f"{name:<16} {value if isinstance(value, str) else msgspec.json.encode(value).decode()}")

    ask(work, url, api_key, data)


@app.command()
def drain(
    node: Name, force: Force = False, reason: Reason = "", json: Json = False, url: Url = None, api_key: ApiKey = None, data: Data = None
) -> None:
    """Give a node no more work, until it registers anew."""
    _steer(node, "drain", {"force": force, "reason": reason}, json, url, api_key, data)


@app.command()
def maintain(
    node: Name, force: Force = False, reason: Reason = "", json: Json = False, url: Url = None, api_key: ApiKey = None, data: Data = None
) -> None:
    """Keep a node from work until it is opened again, also when it registers anew."""
    _steer(node, "maintain", {"force": force, "reason": reason}, json, url, api_key, data)


@app.command("open")
def open_(node: Name, reason: Reason = "", json: Json = False, url: Url = None, api_key: ApiKey = None, data: Data = None) -> None:
    """Put a node back to work, and forget what failed on it."""
    _steer(node, "open", {"reason": reason}, json, url, api_key, data)


@app.command()
def revoke(node: Name, json: Json = False, url: Url = None, api_key: ApiKey = None, data: Data = None) -> None:
    """End a node's right to speak to the farm; its work goes elsewhere."""
    _steer(node, "revoke", {}, json, url, api_key, data)


@app.command()
def crashes(
    node: Annotated[str | None, typer.Option("--node", metavar="NODE", help="Only this node's, by name or id.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only of this kind, as engine_crash or daemon_death.")] = None,
    limit: Limit = 50,
    watch: Watch = False,
    json: Json = False,
    url: Url = None,
    api_key: ApiKey = None,
    data: Data = None,
) -> None:
    """List what died on nodes, the newest first."""

    async def work(where: Where) -> None:
        async with client(where) as api:
            wanted = {"limit": str(limit)} | ({"kind": kind} if kind else {})
            if node is not None:
                wanted["node_id"] = (await _node(api, node))["node_id"]
            look: Look = lambda: api.page("/v1/node-crashes", **wanted)  # noqa: E731 - one line beside its use
            await show(look, CRASHES, json=json, watch=watch, empty="nothing has died")

    ask(work, url, api_key, data, watch)


@app.command()
def health(
    node: Name,
    limit: Limit = 30,
    watch: Watch = False,
    json: Json = False,
    url: Url = None,
    api_key: ApiKey = None,
    data: Data = None,
) -> None:
    """List how a node fared: processors, load, memory, disk and parts, the newest first."""

    async def work(where: Where) -> None:
        async with client(where) as api:
            path = f"/v1/nodes/{(await _node(api, node))['node_id']}/health"
            await show(lambda: api.page(path, limit=str(limit)), HEALTH, json=json, watch=watch, empty="it has not been heard yet")

    ask(work, url, api_key, data, watch)


def _steer(node: str, verb: str, body: dict[str, Any], json: bool, url: str | None, api_key: str | None, data: Path | None) -> None:
    async def work(where: Where) -> None:
        import msgspec

        async with client(where) as api:
            found = await _node(api, node)
            answer: Row = await api.api.post(f"/v1/nodes/{found['node_id']}/{verb}", body, dict[str, Any])
        became = answer.get("service") or answer.get("state", "")
        print(msgspec.json.encode(answer).decode() if json else f"{found['name']}: {became.replace('_', ' ')}")

    ask(work, url, api_key, data)


async def _node(api: Any, name: str) -> Row:
    """The node of this name or id. Raises Mistake when there is none, or several have the name."""
    nodes = await api.rows("/v1/nodes")
    found = [row for row in nodes if name in (row["node_id"], row["name"])]
    if len(found) == 1:
        return dict(found[0])
    if found:
        ids = ", ".join(row["node_id"] for row in found)
        raise Mistake("node.ambiguous", f"{len(found)} nodes are called {name}: {ids}", "NODE", "Give its id.")
    there = ", ".join(row["name"] for row in nodes[:20]) or "none"
    raise Mistake("node.not_found", f"there is no node {name}; there are: {there}", "NODE", "`flatrender nodes list` shows all.")
