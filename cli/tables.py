"""Lists as a person or a program reads them: a table, a live one, or JSON lines; and where a command finds a service that runs."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from cli.client import Client
from cli.entry import fail
from cli.errors import Mistake
from cli.running import Stopped, run
from cli.service import Where, running
from deploy.local.folder import default_folder

Watch = Annotated[bool, typer.Option("--watch", "-w", help="Show it anew every second, until Ctrl-C.")]
Row = dict[str, Any]
Columns = Mapping[str, Callable[[Row], str]]  # heading to what stands below it
EVERY = 1.0  # seconds between two looks


@asynccontextmanager
async def client(where: Where) -> AsyncIterator[Client]:
    """A client of the service that was named, or that runs on the data folder; nothing is started. Raises Mistake."""
    url, key = where.url, where.api_key
    if not url:
        facts = await running(where.data or default_folder())
        if facts is None:
            raise Mistake("service.not_running", "no FlatRender runs here", "--url", "Start it with `flatrender up`, or name one by --url.")
        url, key = facts.url, facts.api_key
    async with Client(url, key or "") as found:
        yield found


def ask(
    work: Callable[[Where], Coroutine[Any, Any, None]], url: str | None, api_key: str | None, data: Path | None, watch: bool = False
) -> None:
    """Run a command's work against the service that was named; what was watched ends with Ctrl-C and no complaint."""
    if url and not api_key:
        raise typer.BadParameter("--url needs --api-key (or FLATRENDER_API_KEY); `flatrender up` prints one")
    try:
        run(work(Where(url, api_key, data)))
    except Stopped:
        if not watch:
            raise
        fail(0)


async def show(look: Callable[[], Awaitable[Sequence[Row]]], columns: Columns, *, json: bool, watch: bool, empty: str) -> None:
    """Print what `look` finds: once, or with `watch` again and again, on a terminal in place."""
    if watch and not json and sys.stdout.isatty():
        await _live(look, columns, empty)
        return
    while True:
        _print(await look(), columns, json, empty)
        if not watch:
            return
        await asyncio.sleep(EVERY)


def _print(rows: Sequence[Row], columns: Columns, json: bool, empty: str) -> None:
    if json:
        for row in rows:
            print(msgspec.json.encode(row).decode(), flush=True)
        return
    if not rows:
        print(empty, flush=True)
        return
    lines = [list(columns), *([cell(row) for cell in columns.values()] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip(), flush=True)


async def _live(look: Callable[[], Awaitable[Sequence[Row]]], columns: Columns, empty: str) -> None:
    # Imported here: it costs more than all the rest, and most runs do without.
    from rich.console import Console
    from rich.live import Live
    from rich.markup import escape
    from rich.table import Table

    def table(rows: Sequence[Row]) -> Table:
        made = Table(*columns, box=None, caption=None if rows else empty, header_style="bold")
        for row in rows:
            made.add_row(*(escape(cell(row)) for cell in columns.values()))
        return made

    with Live(table(await look()), console=Console(highlight=False), auto_refresh=False) as live:
        while True:
            await asyncio.sleep(EVERY)
            live.update(table(await look()), refresh=True)


def text(name: str) -> Callable[[Row], str]:
    """A cell that is a field as it is; nothing for what is empty."""
    return lambda row: "" if row.get(name) is None else str(row[name])


def when(name: str) -> Callable[[Row], str]:
    """A cell that is a moment, to the second, in UTC."""
    return lambda row: moment(row[name]) if row.get(name) else ""


def moment(at: str) -> str:
    """RFC 3339 as people read it."""
    return datetime.fromisoformat(at).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def size(count: int) -> str:
    """Bytes in words."""
    value, units = float(count), ["B", "KB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" or value >= 100 else f"{value:.1f} {units[0]}"


def line(words: str, longest: int = 60) -> str:
    """The last line of some words, short enough for a table."""
    last = (words.strip().splitlines() or [""])[-1].strip()
    return last if len(last) <= longest else f"{last[: longest - 1]}…"
