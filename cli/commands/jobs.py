"""`flatrender jobs`: renders as jobs of the farm: list, stop, pause, resume, move."""

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from cli.options import ApiKey, Data, Json, Url
from cli.service import Where
from cli.tables import Columns, Row, Watch, ask, client, line, show, text, when

FRAMES = re.compile(r"(\d+)(?:-(\d+))?")

app = typer.Typer(add_completion=False, no_args_is_help=True, help="See renders as jobs of the farm, and steer them.")
Job = Annotated[UUID, typer.Argument(metavar="JOB", help="The render's id.")]

LIST: Columns = {
    "job": text("job_id"),
    "state": lambda row: "paused" if row["paused"] and row["state"] in ("queued", "rendering") else row["state"],
    "frames": lambda row: f"{row['frames_done']}/{row['frames_total']}",
    "priority": text("priority"),
    "deadline": when("deadline"),
    "since": when("created_at"),
    "detail": lambda row: line(row["detail"]),
}
REPAIRS: Columns = {
    "since": when("created_at"),
    "state": text("state"),
    "cause": text("cause"),
    "segments": lambda row: str(len(row["before"])),
    "bytes": lambda row: "" if row["state"] != "done" else "the same" if row["identical"] else "other ones",
    "reason": lambda row: line(row["detail"] or row["reason"]),
    "repair": text("repair_id"),
}


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option("--state", help="Only of this state, as queued or failed.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many, the newest first.")] = 50,
    watch: Watch = False,
    json: Json = False,
    url: Url = None,
    api_key: ApiKey = None,
    data: Data = None,
) -> None:
    """List renders, the newest first."""
    wanted = {"limit": str(limit)} | ({"state": state} if state else {})

    async def work(where: Where) -> None:
        async with client(where) as api:
            await show(lambda: api.page("/v1/renders", **wanted), LIST, json=json, watch=watch, empty="no renders")

    ask(work, url, api_key, data, watch)


@app.command("show")
def show_(job: Job, json: Json = False, url: Url = None, api_key: ApiKey = None, data: Data = None) -> None:
    """Show all that is known of one render."""

    async def work(where: Where) -> None:
        import msgspec

        async with client(where) as api:
            row: Row = await api.api.get(f"/v1/renders/{job}", dict[str, Any])
        if json:
            print(msgspec.json.encode(row).decode())
            return
        for name, value in row.items():
            print(f"{name:<16} {value if isinstance(value, str) else msgspec.json.encode(value).decode()}")

    ask(work, url, api_key, data)


@app.command()
def cancel(job: Job, json: Json = False, url: Url = None, api_key: ApiKey = None, data: Data = None) -> None:
    """Stop a render; what it drew stays for reuse."""
    _steer(job, "cancel", {}, json, url, api_key, data)


@app.command()
def pause(job: Job, json: Json = False, url: Url = None, api_key: ApiKey = None, data: Data = None) -> None:
    """Give a render no more slots; parts that are in work are finished."""
    _steer(job, "pause", {}, json, url, api_key, data)


@app.command()
def resume(job: Job, json: Json = False, url: Url = None, api_key: ApiKey = None, data: Data = None) -> None:
    """Let a paused render go on."""
    _steer(job, "resume", {}, json, url, api_key, data)


@app.command()
def reschedule(
    job: Job,
    priority: Annotated[int | None, typer.Option("--priority", min=0, max=100, help="0 to 100, higher goes first.")] = None,
    deadline: Annotated[datetime | None, typer.Option("--deadline", help="When the film should be there, in this machine's time.")] = None,
    json: Json = False,
    url: Url = None,
    api_key: ApiKey = None,
    data: Data = None,
) -> None:
    """Change a render's priority or deadline, also while it runs."""
    if priority is None and deadline is None:
        raise typer.BadParameter("give --priority or --deadline")
    wanted = {"priority": priority, "deadline": deadline.astimezone() if deadline else None}
    _steer(job, "reschedule", {name: value for name, value in wanted.items() if value is not None}, json, url, api_key, data)


@app.command()
def repair(
    job: Job,
    frames: Annotated[str, typer.Option("--frames", metavar="LIST", help="Frames from 0 on, as 17 or 30-59 or 17,30-59.")] = "",
    export: Annotated[bool, typer.Option("--export", help="Look at the finished file too, and join it anew if it is damaged.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the repair.")] = "",
    json: Json = False,
    url: Url = None,
    api_key: ApiKey = None,
    data: Data = None,
) -> None:
    """Have the segments drawn again that hold these frames; a finished film is joined anew if bytes of it changed."""
    if not frames and not export:
        raise typer.BadParameter("give --frames or --export")
    _steer(job, "repair", {"ranges": _ranges(frames), "export": export, "reason": reason}, json, url, api_key, data)


@app.command()
def repairs(job: Job, watch: Watch = False, json: Json = False, url: Url = None, api_key: ApiKey = None, data: Data = None) -> None:
    """List what of a render was drawn again, by whose doubt, and whether its bytes came out the same."""

    async def work(where: Where) -> None:
        async with client(where) as api:
            await show(lambda: api.rows(f"/v1/renders/{job}/repairs"), REPAIRS, json=json, watch=watch, empty="nothing was drawn again")

    ask(work, url, api_key, data, watch)


def _ranges(frames: str) -> list[dict[str, int]]:
    """Frames as a person writes them. Raises BadParameter."""
    ranges = []
    for piece in frames.split(",") if frames else ():
        found = FRAMES.fullmatch(piece.strip())
        if found is None:
            raise typer.BadParameter(f"{piece!r} is no frame and no range; write 17, or 30-59, or 17,30-59", param_hint="--frames")
        ranges.append({"first": int(found[1]), "last": int(found[2] or found[1])})
    return ranges


def _steer(job: UUID, verb: str, body: dict[str, Any], json: bool, url: str | None, api_key: str | None, data: Any) -> None:
    async def work(where: Where) -> None:
        import msgspec

        async with client(where) as api:
            answer: Row = await api.api.post(f"/v1/renders/{job}/{verb}", body, dict[str, Any])
        words = [f"{name} {answer[name]}" for name in ("priority", "deadline") if answer.get(name) is not None]
        state = "paused" if answer.get("paused") else answer["state"]
        print(msgspec.json.encode(answer).decode() if json else f"{job}: {', '.join([state, *words])}")

    ask(work, url, api_key, data)
