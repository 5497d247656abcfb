"""`flatrender scrub`: every finished object read again, now; the farm makes anew what rotted."""

import sys
from pathlib import Path

import typer

from cli.options import Data, Json
from cli.running import run

app = typer.Typer(add_completion=False)


@app.command()
def scrub(data: Data = None, json: Json = False) -> None:
    """Read all segments, exports and snapshots and compare them with what was verified.

    Segments that rotted or are gone are drawn again, exports joined again; such a snapshot is drawn when it is asked for.

    Needs a running stack, which does the same by itself, slowly. `flatrender jobs repairs JOB` shows what came of it.
    """
    run(_scrub(data, json))


async def _scrub(data: Path | None, json: bool) -> None:
    import msgspec

    from cli.database import database
    from cli.scrubbing import BECOMES
    from cli.scrubbing import scrub as walk

    async with database(data, None) as found:
        result = await walk(found, lambda text: print(text, file=sys.stderr, flush=True))
    if json:
        print(msgspec.json.encode(result).decode())
        return
    for one in result.findings:
        print(f"{one.found:<8} {one.object_key}  tenant {one.tenant_id}: {BECOMES[one.kind]}")
    verdict = f"{len(result.findings)} not as verified" if result.findings else "all as they were verified"
    print(f"{result.objects:,} objects, {result.bytes / 1e6:,.1f} MB: {verdict}")
