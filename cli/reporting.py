"""Tells a person, or a program, how a render goes: live on a terminal, in plain lines elsewhere, or as JSON lines."""

import sys
import time
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec

from cli.client import Progress
from cli.errors import Mistake
from cli.progress import Timeline, nodes_line, progress_line

LINE_EVERY = 2.0  # seconds between two plain lines of progress


class Reporter(Protocol):
    """Where a command says what it does."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def step(self, text: str, **facts: Any) -> None:
        """Something is done; `facts` are the same for a program."""

    def progress(self, now: Progress, timeline: Timeline) -> None:
        """How far the render is."""

    def result(self, text: str, **facts: Any) -> None:
        """The end of the command."""

    def problem(self, problem: Mistake) -> None:
        """The command failed."""


class PlainReporter:
    """One line for each step, and a line of progress now and then."""

    def __init__(self) -> None:
        self._last = ("", 0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def step(self, text: str, **facts: Any) -> None:
        print(text, flush=True)

    def progress(self, now: Progress, timeline: Timeline) -> None:
        state, at = self._last
        if now.state != state or time.monotonic() - at >= LINE_EVERY:
            self._last = (now.state, time.monotonic())
            print("  " + "; ".join(filter(None, (progress_line(now), nodes_line(now, timeline)))), flush=True)

    def result(self, text: str, **facts: Any) -> None:
        print(text, flush=True)

    def problem(self, problem: Mistake) -> None:
        print("\n".join(problem.lines), file=sys.stderr, flush=True)


class JsonReporter(PlainReporter):
    """Every line of stdout is a JSON object with its kind under `event`."""

    def step(self, text: str, **facts: Any) -> None:
        self._line("step", text=text, **facts)

    def progress(self, now: Progress, timeline: Timeline) -> None:
        facts = {name: getattr(now, name) for name in now.__struct_fields__ if name not in ("job", "warnings")}
        self._line("progress", **facts)

    def result(self, text: str, **facts: Any) -> None:
        self._line("result", **facts)

    def problem(self, problem: Mistake) -> None:
        self._line("problem", **problem.facts)

    def _line(self, event: str, **facts: Any) -> None:
        print(msgspec.json.encode({"event": event, **facts}).decode(), flush=True)


def reporter(json: bool) -> Reporter:
    """The one that fits where stdout goes."""
    if json:
        return JsonReporter()
    if sys.stdout.isatty():
        from cli.live_display import LiveReporter  # and rich with it, which takes its time

        return LiveReporter()
    return PlainReporter()
