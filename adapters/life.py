"""A sign of life: a file that a process touches from its event loop, so that whoever started it sees that the loop turns."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

log = logging.getLogger(__name__)
EVERY = 1.0  # seconds


@asynccontextmanager
async def shown(path: str) -> AsyncIterator[None]:
    """Touch the file each second within the block; nothing happens without one."""
    if not path:
        yield
        return
    showing = asyncio.create_task(_show(Path(path)), name="sign of life")
    try:
        yield
    finally:
        showing.cancel()


async def _show(path: Path) -> None:
    complained = False
    while True:
        try:
            _touch(path)
        except OSError as error:
            if not complained:
                log.warning("the sign of life %s cannot be given: %s", path, error)
            complained = True
        await asyncio.sleep(EVERY)


def _touch(path: Path) -> None:
    try:
        os.utime(path)  # needs no room on the disk, once the file is there
    except FileNotFoundError:
        path.touch(mode=0o600)
