"""`python -m node_worker`: one render node, configured by FLATRENDER_… variables."""

import asyncio
import sys

from pydantic import ValidationError

from adapters.settings import Settings
from node_worker.daemon import BadSettings, run
from node_worker.folder import FolderInUse


def main() -> int:
    """Run until stopped; 2 for settings or a folder that a person has to change."""
    try:
        asyncio.run(run(Settings()))
    except (BadSettings, FolderInUse, ValidationError, OSError) as problem:
        print(f"the node cannot start: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
