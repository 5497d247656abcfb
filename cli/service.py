"""Which FlatRender a command talks to: the one that was named, the one that runs on a data folder, or one of its own for the run."""

import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from deploy.local.folder import default_folder
from deploy.local.http import status


class Where(NamedTuple):
    """What a person said about where the service is; all None: here."""

    url: str | None
    api_key: str | None
    data: Path | None


class Service(NamedTuple):
    """Where it is; `data` is None for one elsewhere, `own` says that it ends with the command."""

    url: str
    api_key: str
    data: Path | None = None
    own: bool = False


class Facts(NamedTuple):
    """What a running stack wrote about itself into DIR/stack.json."""

    url: str
    api_key: str
    nats_url: str
    pg_dsn: str
    s3_url: str


def read_facts(data: Path) -> Facts | None:
    """What stack.json says; None when there is none, or it is not ours."""
    try:
        found = json.loads((data / "stack.json").read_text(encoding="utf-8"))
        return Facts(**{name: str(found[name]) for name in Facts._fields})
    except (OSError, ValueError, KeyError):
        return None


async def running(data: Path) -> Facts | None:
    """The stack that runs on a data folder now; a killed one may have left its stack.json."""
    import urllib.request

    facts = read_facts(data)
    if facts is None or await status(urllib.request.Request(f"{facts.url}/livez")) != 200:  # noqa: S310 - our own file's address
        return None
    return facts


@asynccontextmanager
async def service(where: Where, notice: Callable[[str], None]) -> AsyncIterator[Service]:
    """The service for a command's run; what was started for it is stopped at the end, and its temporary data removed."""
    if where.url:
        yield Service(where.url, where.api_key or "")
        return
    data = where.data
    place = data or default_folder()
    facts = await running(place)
    if facts:
        yield Service(facts.url, facts.api_key, place)
        return
    folder = data or Path(tempfile.mkdtemp(prefix="flatrender-"))
    try:
        # Imported here: asyncpg, the servers' wheels and the rest are not needed to talk to a running stack.
        from cli.stack import stack

        notice("starting a stack for this run")
        async with stack(folder, notice) as started:
            yield Service(started.url, started.api_key, folder, own=True)
    finally:
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)
