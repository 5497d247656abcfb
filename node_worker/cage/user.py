"""A user of its own for each engine, where the daemon may give it one."""

import os
import stat
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path

LOW, COUNT = 60578, 606  # ids that neither distributions nor systemd give to anybody


def of(folder: Path) -> tuple[int, int]:
    """The user of the engine that works in a folder, and the group of its siblings; (0, 0) where we may not give it one."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return 0, 0
    return _free(folder), _free(folder.parent)


def give(path: Path, user: int, group: int, mode: int) -> None:
    """Make a file or folder another user's. Raises OSError where that is not allowed."""
    if sys.platform == "linux":
        os.chown(path, user, group, follow_symlinks=False)
        path.chmod(mode)


def share(path: Path, group: int) -> None:
    """Let a group read a file that is ours; one that everybody may read anyway is left as it is."""
    state = path.stat()
    if group and sys.platform == "linux" and not state.st_mode & stat.S_IROTH:
        os.chown(path, -1, group)
        path.chmod(0o640)


def take(path: Path) -> None:
    """Have a plain file that another user has made. Raises OSError for anything else, such as a link to what is not its own."""
    state = path.lstat()
    if not stat.S_ISREG(state.st_mode) or state.st_nlink != 1:
        raise OSError(f"{path.name} is no plain file")
    if sys.platform != "win32" and state.st_uid != os.geteuid():
        os.chown(path, os.geteuid(), os.getegid(), follow_symlinks=False)
        path.chmod(0o600)


def become(user: int, group: int) -> None:
    """Be that user and no other from now on; capabilities go with it. Raises OSError."""
    if sys.platform == "linux":
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)


def reach(paths: Iterable[Path]) -> None:
    """Raise OSError if this process cannot read one of the paths that are there."""
    for path in paths:
        if path.is_dir():
            with os.scandir(path) as entries:
                next(entries, None)
        elif path.exists():
            os.close(os.open(path, os.O_RDONLY))


def _free(path: Path) -> int:
    """A number that stays the same for a path and belongs to nobody."""
    if sys.platform != "linux":
        return 0
    import grp
    import pwd

    taken = {entry.pw_uid for entry in pwd.getpwall()} | {entry.gr_gid for entry in grp.getgrall()}
    start = zlib.crc32(os.fsencode(path.absolute()))
    return next((one for number in range(COUNT) if (one := LOW + (start + number) % COUNT) not in taken), 0)
