"""Runs a module in which guards of an engine say that they are up, and hold nothing: `python -m tests.mutants.loose files,calls MODULE`."""

import runpy
import sys
from collections.abc import Callable
from typing import Any

from node_worker.cage import calls, files, guards, system, user, view


def _nothing(*_: Any, **__: Any) -> str:
    return "it says"


def _view() -> None:
    view.enter = _nothing


def _network() -> None:
    leave = view.leave
    view.NEW_NETWORK = 0  # type: ignore[misc]
    view.leave = lambda **asked: leave(**asked) and "it says"


def _files() -> None:
    files.close = _nothing


def _calls() -> None:
    calls.close = _nothing


def _user() -> None:
    user.become = _nothing
    guards.limit_processes = _nothing  # type: ignore[assignment]


def _privileges() -> None:
    system.drop_capabilities = _nothing  # type: ignore[assignment]


LOOSE: dict[str, Callable[[], None]] = {
    "view": _view,
    "network": _network,
    "files": _files,
    "calls": _calls,
    "user": _user,
    "privileges": _privileges,
}

if __name__ == "__main__":
    names, module = sys.argv[1:3]
    del sys.argv[1:3]
    for name in filter(None, names.split(",")):
        LOOSE[name]()
    runpy.run_module(module, run_name="__main__", alter_sys=True)
