"""The release of this checkout as a process tree of its own, to be stopped and killed part by part."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from deploy.local.process import is_alive

READY_WITHIN = 90.0  # seconds
PARTS = {"consumers": "consume", "s3": "weed", "nats": "nats-server"}  # a word of each one's command line


class Release:
    """`flatrender up` on `data`. Use as `async with`: whatever still runs at the end is killed."""

    def __init__(self, data: Path, nodes: int = 2) -> None:
        self.data, self._nodes = data, nodes
        self.facts: dict[str, Any] = {}  # stack.json

    async def __aenter__(self) -> Self:
        self.data.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "cli", "up", "--data", str(self.data), "--nodes", str(self._nodes)]
        with (self.data.parent / "up.log").open("w") as log:
            self._up = psutil.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        place = self.data / "stack.json"
        async with asyncio.timeout(READY_WITHIN):
            while not place.exists():
                assert self._up.poll() is None, (self.data.parent / "up.log").read_text()
                await asyncio.sleep(0.1)
        self.facts = json.loads(place.read_text())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._up.poll() is None:
            self.kill()

    def hold(self, part: str) -> None:
        """Stop a part where it stands; who would start it anew is stopped first."""
        self._up.suspend()
        self._signal(self._of(part), signal.SIGSTOP)

    def go_on(self, part: str) -> None:
        """Let a part that was held go on."""
        self._signal(self._of(part), signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL to everything at once; nobody sees another's end, so nothing is shut down in order."""
        self._up.suspend()  # it would start again what dies
        everything = self._up.children(recursive=True)
        # PostgreSQL's own processes first: a postmaster that sees its parent's end begins an orderly stop.
        everything.sort(key=lambda process: "postgres" not in _line(process))
        self._signal([*everything, self._up], signal.SIGKILL)
        psutil.wait_procs(everything, timeout=10)
        self._up.wait(10)
        assert not [process for process in everything if is_alive(process)], "everything was killed"

    def _of(self, part: str) -> list[psutil.Process]:
        word = PARTS[part]
        found = [process for process in self._up.children() if word in _line(process) and not (part == "consumers" and _is_log(process))]
        assert found, f"{part} does not run"
        return [process for one in found for process in (one, *one.children(recursive=True))]

    def _signal(self, processes: Iterable[psutil.Process], which: signal.Signals) -> None:
        for process in processes:
            try:
                os.kill(process.pid, which)
            except ProcessLookupError:
                continue  # it has just ended by itself


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _is_log(process: psutil.Process) -> bool:
    return _line(process).endswith("consume log")
