"""The processes of a stack that runs, and the processor time that they use."""

import os
from collections.abc import Iterable

import psutil

from deploy.local.stack import Stack


def processes(running: Stack) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """All processes of the servers, and all of ours; this one is not part of the stack."""
    servers = [pid for name in ("nats", "postgres", "s3") if (pid := running.servers.pid(name)) is not None]
    return _trees(servers), _trees(running.processes.pids().values())


def _trees(pids: Iterable[int]) -> list[psutil.Process]:
    roots = [psutil.Process(pid) for pid in pids if pid != os.getpid()]
    return [*roots, *(child for root in roots for child in root.children(recursive=True))]


def seconds(process: psutil.Process) -> float:
    """Processor time of a process, and of those that it started and that have ended; 0 of one that is gone."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0))


def used(running: Stack) -> float:
    """Processor time of the whole stack so far, seconds."""
    servers, ours = processes(running)
    return sum(map(seconds, (*servers, *ours)))
