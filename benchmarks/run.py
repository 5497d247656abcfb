"""`make bench`: measures everything, or what is named, writes bench.json and prints a table; exit code 1 when a ratio is missed."""

import argparse
import asyncio
import importlib
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import platformdirs
import uvloop

from benchmarks.figures import Figure, show

SUBJECTS = {
    "accept": "requests accepted per second",
    "apply": "commands decided per second",
    "aged": "the same with a million operations and keys beside none",
    "listings": "what the edge's statements take, with a hundred thousand rows",
    "many": "what a tenant waits beside another's 100,000 commands",
    "crowd": "what the API's callers wait beside 7,000 idle, slow and listening connections",
    "post_to_sse": "from a POST to its event at a client",
    "submit_to_first_frame": "from submitting a render to its first frame",
    "render": "a film of 30 s, and one changed scene of ten",
    "replay": "events replayed and compared per second",
    "effects": "effects per second out of a backlog, after a kill",
    "log": "events per second through the sequencer",
    "rebuild": "the scheduler's picture from 100,000 waiting parts",
    "idle": "memory and processor time of an idle stack",
}
LONG = {
    "faithful": "how near our frames come to the reference player's (needs Chromium and npm); only by name",
    "long_log": "a log of two million events over archives and partitions, read whole; only by name",
    "reactions": "events read per second by a domain that is added to a log of a million; only by name",
}
KNOWN = {**SUBJECTS, **LONG}
Measure = Callable[[bool], Awaitable[list[Figure]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 1 when a figure's ratio to its floor is missed, 0 otherwise (a slow machine misses absolutes), 2 for wrong usage."""
    asked = _parser().parse_args(arguments)
    unknown = [name for name in asked.only if name not in KNOWN]
    if unknown:
        print(f"there is no measurement {', '.join(unknown)}; there are {', '.join(KNOWN)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the edge and the consumers run
            if asked.aged:
                runner.run(_measure_aged(asked.aged, figures))
            else:
                runner.run(_measure(asked.only or list(SUBJECTS), asked.quick, figures))
    except asyncio.CancelledError:
        print("stopped")
        return 130
    finally:
        asked.output.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n")
        show(figures)
    print(f"written to {asked.output}")
    return 1 if any(one.failed for one in figures) else 0


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:22} {text}" for name, text in KNOWN.items())
    parser = argparse.ArgumentParser(
        "flatrender bench", description=f"{__doc__}\n\n{listed}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="one of the names above; may be repeated")
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds: for a first look, not for a comparison")
    parser.add_argument(
        "--aged",
        nargs="?",
        type=Path,
        const=Path(platformdirs.user_cache_dir("flatrender", appauthor=False)) / "aged",
        metavar="FOLDER",
        help="only `aged`, with ten million of each, which are made once and kept in this folder (15 GB)",
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("bench.json"), help="where the figures go (bench.json)")
    return parser


async def _measure(names: Sequence[str], quick: bool, figures: list[Figure]) -> None:
    """Add each figure as it is found, so that none is lost when a later measurement fails or is stopped."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    for name in names:
        measure: Measure = importlib.import_module(f"benchmarks.{name}").measure
        print(f"{name}: {KNOWN[name]} … ", end="", flush=True)
        began = time.monotonic()
        figures += await measure(quick)
        print(f"{time.monotonic() - began:.0f} s", flush=True)


async def _measure_aged(folder: Path, figures: list[Figure]) -> None:
    from benchmarks import aged

    print(f"aged: ten million operations and keys, in {folder} … ", end="", flush=True)
    figures += await aged.measure_kept(folder)
    print()


if __name__ == "__main__":
    sys.exit(main())
