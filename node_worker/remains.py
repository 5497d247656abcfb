"""Removing what an engine left: as much as it likes, as deep as it likes, closed to its owner, and nothing that its links point to."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

T = TypeVar("T")
AT_ONCE = 5000  # names that are removed while others wait, a quarter of a second; engines that are well leave a few


class _Enough(Exception):
    """As many names were removed as may be at once."""


class _Removal:
    """One removal, which moves a folder's folders up to its top, so that no path and no call becomes deep."""

    def __init__(self, most: int | None) -> None:
        self._left = most
        self._name, self._moved = uuid4().hex, 0  # nobody has guessed it

    def remove(self, path: Path) -> bool:
        """Whether nothing is left there. Raises _Enough."""
        if path.is_symlink() or not path.is_dir():
            self._tried(os.unlink, str(path))
        else:
            while self._round(path):
                pass
            self._tried(os.rmdir, str(path))
        return not os.path.lexists(path)

    def _round(self, top: Path) -> bool:
        """Go through a folder once; whether that removed anything."""
        gone = False
        for entry in _entries(str(top)):
            gone |= self._remove(entry, top) if entry.is_dir(follow_symlinks=False) else self._tried(os.unlink, entry.path)
        return gone

    def _remove(self, folder: "os.DirEntry[str]", top: Path) -> bool:
        if self._tried(os.rmdir, folder.path):
            return True
        for child in _entries(folder.path):
            if child.is_dir(follow_symlinks=False):
                self._moved += 1
                with contextlib.suppress(OSError):
                    _unlocked(child.path, partial(os.rename, dst=top / f"{self._name}-{self._moved}"))
            else:
                self._tried(os.unlink, child.path)
        return self._tried(os.rmdir, folder.path)

    def _tried(self, way: Callable[[str], None], path: str) -> bool:
        try:
            way(path)
        except OSError:
            return False
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise _Enough
        return True


def remove(*paths: Path, most: int | None = None) -> bool:
    """Remove whatever lies there, at most so many names of it; whether all of it is gone."""
    removal = _Removal(most)
    try:
        return not [path for path in paths if not removal.remove(path)]
    except _Enough:
        return False


def put_away(folder: Path) -> None:
    """Have nothing at this place at once; what is more than a little is removed beside other work."""
    aside = folder.with_name(f"{folder.name}-{uuid4().hex}")
    try:
        os.rename(folder, aside)
    except FileNotFoundError:
        return
    except OSError:  # Windows moves nothing that is open
        aside = folder
    if not remove(aside, most=AT_ONCE):
        threading.Thread(target=remove, args=(aside,), name="remains", daemon=True).start()


def _entries(folder: str) -> "Iterator[os.DirEntry[str]]":
    """What lies in a folder, which may change meanwhile; nothing of one that cannot be read."""
    with contextlib.suppress(OSError), _unlocked(folder, os.scandir) as entries:
        yield from entries


def _unlocked(path: str, way: Callable[[str], T]) -> T:
    """Do something with a folder that may be closed to its owner, which is us where there is no root; root need not open it."""
    try:
        return way(path)
    except PermissionError:
        os.chmod(path, 0o700)
        return way(path)
