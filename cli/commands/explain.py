"""`flatrender explain`: why a render waits, is slow or failed."""

from typing import Annotated, Any
from uuid import UUID

import typer

from cli.options import ApiKey, Data, Json, Url
from cli.service import Where
from cli.tables import Row, ask, client, moment

app = typer.Typer(add_completion=False)


@app.command()
def explain(
    job: Annotated[UUID, typer.Argument(metavar="JOB", help="The render's id.")],
    json: Json = False,
    url: Url = None,
    api_key: ApiKey = None,
    data: Data = None,
) -> None:
    """Say why a render waits, is slow or failed, with the chain of events and their log positions."""

    async def work(where: Where) -> None:
        import msgspec

        async with client(where) as api:
            found: Row = await api.api.get(f"/v1/renders/{job}/explain", dict[str, Any])
        print(msgspec.json.encode(found).decode() if json else "\n".join(told(found)))

    ask(work, url, api_key, data)


def told(found: Row) -> list[str]:
    """An explanation in lines."""
    lines = [f"{found['state']}, {found['segments_done']} of {found['segments_total']} segments"]
    lines += [f"  {reason['code']}: {reason['detail']}" for reason in found["reasons"]]
    lines += [f"  warning {one['code']}{_place(one)}: {one['detail']}" for one in found["warnings"]]
    lines += [f"  {crash['text']}" for crash in found["crashes"]]
    return [*lines, *(f"{step['position']:>9}  {moment(step['time'])}  {step['text']}" for step in found["events"])]


def _place(warning: Row) -> str:
    named = ".".join(filter(None, (warning.get("scene"), warning.get("element"))))
    return f" at {named}" if named else ""
