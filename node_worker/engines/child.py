"""The engine process: closes its cage around itself, loads the engine, and answers what comes on its standard input."""

import argparse
import faulthandler
import os
import sys
from pathlib import Path

from node_worker.cage.guards import Guard, Place, enclose, seal
from node_worker.engines.mark import FrameMark
from node_worker.platform import MEMORY, keep_memory_low, limit_engine, tie_to

DEFAULT_ENGINE = "node_worker.engines.lottie:LottieEngine"


def main() -> None:
    """Take the standard output for events alone (what libraries print goes to standard error), be enclosed, load, be sealed, serve."""
    options = _options()
    events = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    keep_memory_low()
    mark = FrameMark(options.mark)
    tie_to(options.parent)
    limits = limit_engine(options.memory)
    place = Place(options.folder, options.engine, options.user, options.group, tuple(options.reads))
    guards = enclose(place, lambda: tie_to(options.parent))
    faulthandler.enable()  # the Python lines that led to a crash, for the log's tail
    # Only now: libraries start threads, which a guard of this thread alone would not hold.
    from node_worker.engines.answers import Child, load
    from node_worker.engines.witness import Witness

    engine = load(options.engine)
    witness = Witness.start(engine, seal, events, sys.stdin.buffer) if options.witness else None
    child = Child(engine, events, mark, witness)
    child.serve(sys.stdin.buffer, (*guards, seal(), Guard("limits", bool(limits), limits or "not offered by this system")))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m node_worker.engines.child")
    parser.add_argument("--engine", default=DEFAULT_ENGINE)
    parser.add_argument("--parent", type=int, default=os.getppid())
    parser.add_argument("--memory", type=int, default=MEMORY)
    parser.add_argument("--mark", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--reads", type=Path, action="append", default=[])
    parser.add_argument("--witness", action="store_true")
    parser.add_argument("--user", type=int, default=0)
    parser.add_argument("--group", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
