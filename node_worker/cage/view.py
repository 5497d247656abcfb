"""Namespaces: a network without a way out, and a file system that holds nothing but what an engine needs."""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from node_worker.cage import system

NEW_FILES, NEW_IPC, NEW_USER, NEW_NETWORK = 0x00020000, 0x08000000, 0x10000000, 0x40000000  # CLONE_NEW… of linux/sched.h
# linux/mount.h
READ_ONLY, NO_SUID, NO_DEVICES, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_KEPT = ((2, 2), (4, 4), (8, 8), (1024, 1024), (2048, 2048), (4096, 1 << 21))  # a flag of statvfs, and the mount's: they may be locked
DETACH = 2


def leave(*, files: bool, as_user: bool) -> str:
    """Leave the machine's network, and its mounts if `files`; `as_user`: by a user namespace, which needs no rights. Raises OSError."""
    if sys.platform != "linux":
        raise OSError("not offered by this system")
    user, group = os.getuid(), os.getgid()
    system.call("unshare", NEW_NETWORK | NEW_IPC | (NEW_FILES if files else 0) | (NEW_USER if as_user else 0))
    if as_user:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    return "a network of its own, without a way out"


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def enter(root: Path, read: Iterable[Path], given: Path, made: Path) -> str:
    """See nothing any more but `read` and `given`, which cannot be changed, and `made`, each at its place. Raises OSError."""
    umask = os.umask(0o022)
    try:
        system.mount(None, "/", None, RECURSIVE | PRIVATE)
        system.mount("none", root, "tmpfs", NO_SUID | NO_DEVICES, "size=1m,mode=755")
        for path in _outermost(read):
            with contextlib.suppress(FileNotFoundError):
                _bind(path, root, read_only=not path.is_char_device())
        _bind(given, root, read_only=True)
        _bind(made, root, read_only=False)
        os.chdir(root)
        # The new root covers the old one at the same place, and taking the old one away leaves the new.
        system.call("pivot_root", b".", b".")
        system.call("umount2", b".", DETACH)
        os.chdir("/")
        system.mount(None, "/", None, REMOUNT | BIND | READ_ONLY | NO_SUID | NO_DEVICES)
    finally:
        os.umask(umask)
    return "its own files and programs alone"


def _outermost(paths: Iterable[Path]) -> Iterator[Path]:
    """Each path that does not lie below another."""
    chosen: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(one) for one in chosen):
            chosen.append(path)
            yield path


def _bind(path: Path, root: Path, *, read_only: bool) -> None:
    """Show a file or folder at its place below `root`. Raises OSError."""
    if sys.platform != "linux":
        raise OSError("not offered by this system")
    target = root / path.relative_to("/")
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        path.stat()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    system.mount(path, target, None, BIND | RECURSIVE)
    flags = os.statvfs(target).f_flag
    kept = sum(mount for seen, mount in _KEPT if flags & seen)
    if read_only:
        system.mount(None, target, None, REMOUNT | BIND | READ_ONLY | kept)
    elif path.is_dir():
        system.mount(None, target, None, REMOUNT | BIND | NO_SUID | NO_DEVICES | kept)
