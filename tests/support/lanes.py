"""Which lane runs which file: servers that run in a lane already are used before others are started for the same."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

ROOT = Path(__file__).parents[2]
SHARED = {  # by the beginning of a file's path: what its tests share for the session
    "tests/stream/": "the broker and the log",
    "tests/store/edge/": "an edge",
    "tests/store/": "servers",
    "tests/mutants/": "servers",
    "tests/house/": "servers",
}
IN_TEXT = {  # what says it of the whole product's tests
    "the processors": re.compile(r"\b(Farm)?Chaos\("),  # both at once would take them from each other
    "a stack for commands": re.compile(r"\bcommands_stack\b"),
    "a stack": re.compile(r"\bstack: Stack[,)]"),  # as a parameter
}


class Lanes(LoadFileScheduling):
    """Hands files out in their order, but to each lane first those whose servers it has, and at the end those that need none."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        self._has: dict[WorkerController, set[str]] = {}

    def _assign_work_unit(self, node: WorkerController) -> None:
        mine = self._has.setdefault(node, set())
        needs = {path: need_of(path) for path in self.workqueue}
        path = choice(needs, mine, set().union(*self._has.values()) - mine)
        mine.add(needs[path])
        self.workqueue.move_to_end(path, last=False)
        super()._assign_work_unit(node)


def choice(needs: Mapping[str, str], mine: set[str], elsewhere: set[str]) -> str:
    """The next file for a lane: of several that are as good, the first."""

    def rank(path: str) -> int:
        need = needs[path]
        return 2 if not need else 0 if need in mine else 3 if need in elsewhere else 1

    return min(needs, key=rank)


def need_of(path: str) -> str:
    """What a file's tests share with those of others, or a name of its own when it brings what takes long; nothing for short ones."""
    if path.startswith("tests/e2e/"):
        text = (ROOT / path).read_text(encoding="utf-8")
        return next((need for need, said in IN_TEXT.items() if said.search(text)), path)
    return next((need for beginning, need in SHARED.items() if path.startswith(beginning)), "")
