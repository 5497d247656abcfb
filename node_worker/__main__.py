"""`python -m node_worker`: one render node, configured by FLATRENDER_… variables."""

import asyncio
import sys
from typing import Any

from pydantic import ValidationError

from adapters.life import shown
from adapters.settings import Settings
from node_worker.daemon import BadSettings, Revoked, run
from node_worker.enrolment import JoinRefused, NotAnswered, enrolled
from node_worker.folder import FolderInUse
from node_worker.platform import keep_private


def main(join: str = "", url: str = "", **given: Any) -> int:
    """Run until stopped; `join` and `url` are for a node without an identity, `given` are settings that the command line has.

    1 when the farm cannot be asked; 2 for what a person has to change (settings, the folder, the join token); 3 when it was revoked.
    """

    async def work() -> None:
        settings = Settings(**given)
        async with shown(settings.alive):
            await run(await enrolled(settings, join, url))

    keep_private()
    try:
        asyncio.run(work())
    except Revoked as problem:
        print(problem, file=sys.stderr)
        return 3
    except (BadSettings, JoinRefused, NotAnswered, FolderInUse, ValidationError, OSError) as problem:
        print(f"the node cannot start: {problem}", file=sys.stderr)
        return 1 if isinstance(problem, NotAnswered) else 2
    except KeyboardInterrupt:  # while it joined; later Ctrl-C stops it in order
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
