"""Chooses free ports on 127.0.0.1 and remembers them, so that a server comes back where its clients look for it."""

import json
import random
import socket
from collections.abc import Sequence
from pathlib import Path

from deploy.local.errors import StackError

# Below the range that Linux hands to outgoing connections (32768 and up), with room for weed's second port 10000 higher.
LOWEST, HIGHEST = 12000, 22000
GRPC_OFFSET = 10000


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
        if old is not None and all(is_free(old + offset) and old + offset not in taken for offset in offsets):
            chosen[name] = old
        else:
            chosen[name] = _new(taken, offsets)
    if chosen != ports:
        path.write_text(json.dumps(chosen, indent=1, sort_keys=True), encoding="utf-8")
    return chosen


def _new(taken: set[int], offsets: tuple[int, ...]) -> int:
    # Random rather than the next one: two stacks that start at the same moment then hardly meet.
    for _ in range(1000):
        port = random.randrange(LOWEST, HIGHEST)
        if all(port + offset not in taken and is_free(port + offset) for offset in offsets):
            return port
    raise StackError(f"no free port was found on 127.0.0.1 between {LOWEST} and {HIGHEST}.")


def _read(path: Path) -> dict[str, int]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): int(port) for name, port in stored.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        # Ports are a convenience: a missing or broken file only means new ones.
        return {}
