"""Chooses free ports on 127.0.0.1 and remembers them, so that a server comes back where its clients look for it."""

import fcntl
import json
import os
import random
import socket
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.secret_store import write_private

# Below the range that Linux hands to outgoing connections (32768 and up), with room for weed's second port 10000 higher.
LOWEST, HIGHEST = 12000, 22000
GRPC_OFFSET = 10000

_claimed: set[int] = set()  # the ports that this process has for itself


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        # Servers set this too; without it a port whose connections just closed would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def claim(port: int) -> bool:
    """Take a port for this process, so that no other stack of this user chooses it before its server listens there; False when one has it.

    A claim is the lock on one byte of a file, which ends with the process however that ends.
    """
    if port in _claimed:
        return True
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except BlockingIOError:
        return False
    _claimed.add(port)
    return True


@cache
def _claims() -> int:
    # Opened once and never closed: with the first descriptor of the file that a process closes all of its locks are given back.
    path = os.path.join(tempfile.gettempdir(), f"flatrender-ports-{os.geteuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def remembered(path: Path, names: Sequence[str], with_grpc: Sequence[str] = ()) -> dict[str, int]:
    """A port for each name: the one in `path` when it is still free, else a new one, kept in `path`.

    For names in `with_grpc` the port 10000 higher is free too. Raises StackError when no free port is found.
    """
    ports = _read(path)
    chosen: dict[str, int] = {}
    for name in names:
        offsets = (0, GRPC_OFFSET) if name in with_grpc else (0,)
        old = ports.get(name)
        taken = {port + offset for port in chosen.values() for offset in (0, GRPC_OFFSET)}
        if old is not None and all(_usable(old + offset, taken) for offset in offsets):
            chosen[name] = old
        else:
            chosen[name] = _new(taken, offsets)
    if chosen != ports:
        write_private(path, json.dumps(chosen, indent=1, sort_keys=True), lasting=False)
    return chosen


def _new(taken: set[int], offsets: tuple[int, ...]) -> int:
    # Random rather than the next one: stacks of other users that start at the same moment then hardly meet.
    for _ in range(1000):
        port = random.randrange(LOWEST, HIGHEST)
        # One that this process has claimed already is another server's of the same process.
        if all(port + offset not in _claimed and _usable(port + offset, taken) for offset in offsets):
            return port
    raise StackError(f"no free port was found on 127.0.0.1 between {LOWEST} and {HIGHEST}.")


def _usable(port: int, taken: set[int]) -> bool:
    return port not in taken and is_free(port) and claim(port)


def _read(path: Path) -> dict[str, int]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): int(port) for name, port in stored.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        # Ports are a convenience: a missing or broken file only means new ones.
        return {}
