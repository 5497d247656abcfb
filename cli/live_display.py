"""The live display on a terminal: a bar, the speed, the time left, and a line for every node."""

from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from cli.client import Progress
from cli.errors import Mistake
from cli.progress import Timeline, nodes_line

_NAMES = {"queued": "waiting", "rendering": "drawing", "assembling": "joining"}


class LiveReporter:
    """Steps scroll by above; the display stands below them while a render runs."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._problems = Console(stderr=True, highlight=False)
        columns = (TextColumn("  {task.description:<8}"), BarColumn(32), MofNCompleteColumn(), TextColumn("frames {task.fields[speed]}"))
        self._bar = Bar(*columns, console=self._console, auto_refresh=False)
        self._task = self._bar.add_task("waiting", total=None, speed="")
        self._nodes = Text()
        self._live = Live(Group(self._bar, self._nodes), console=self._console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()

    def step(self, text: str, **facts: Any) -> None:
        self._console.print(f"[green]•[/] {escape(text)}")

    def progress(self, now: Progress, timeline: Timeline) -> None:
        if now.ended:
            return self._live.stop()
        speed = f" {now.frames_per_second:.0f} frames/s" if now.frames_per_second else ""
        left = f" {now.seconds_left:.0f} s left" if now.seconds_left is not None else ""
        name = _NAMES.get(now.state, now.state)
        self._bar.update(self._task, description=name, completed=now.frames_done, total=now.frames_total, speed=speed + left)
        self._nodes.plain = "".join(f"  {line}\n" for line in nodes_line(now, timeline).split(", ") if line)
        if not self._live.is_started:
            self._live.start()
        return None

    def result(self, text: str, **facts: Any) -> None:
        self._live.stop()
        self._console.print(escape(text))

    def problem(self, problem: Mistake) -> None:
        self._live.stop()
        for line in problem.lines:
            self._problems.print(f"[red]✗[/] {escape(line)}")
