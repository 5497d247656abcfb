"""Processor time of the servers and our own processes."""

import os
from collections import defaultdict

import psutil

SERVERS = ("nats-server", "postgres", "weed")
OURS = ("consume", "edge", "node")


def processor_seconds() -> dict[str, float]:
    """Seconds of user and system time by program, of this process and all below it."""
    seconds: dict[str, float] = defaultdict(float)
    me = psutil.Process()
    for process in (me, *me.children(recursive=True)):
        try:
            times = process.cpu_times()
            seconds[_named(process)] += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return dict(seconds)


def _named(process: psutil.Process) -> str:
    if process.pid == os.getpid():
        return "simulated nodes"
    words = process.cmdline()
    program = os.path.basename(words[0]) if words else process.name()
    for name in SERVERS:
        if program.startswith(name):
            return name
    return next((name for name in OURS if name in words), program)
