"""`make soak`: repeats tests, each round with another seed and order, perhaps beside busy processes; tells each failure, keeps its logs."""

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.chance import SEED

LANES = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")  # as in `make test`; what is given comes behind and wins
BUSY = "while True: pass"
TOLD = ("FAILED ", "ERROR ")


def parser() -> argparse.ArgumentParser:
    """What can be chosen."""
    made = argparse.ArgumentParser("make soak", description=__doc__, epilog="All other arguments go to pytest: -k lease, tests/e2e, -n 0.")
    made.add_argument("--times", type=int, default=5, help="rounds (5)")
    made.add_argument("--minutes", type=float, default=0.0, help="begin no round after so long, however many there were")
    made.add_argument("--seed", type=int, default=None, help="of the first round; the next ones count on from it")
    made.add_argument("--busy", type=int, default=0, help="so many processes beside that use all they get")
    made.add_argument("--keep", type=Path, default=Path("soak"), help="where the logs of failed rounds go (soak)")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Repeat; 1 when a round failed."""
    options, more = parser().parse_known_args(argv)
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    begun, rounds, failed = time.monotonic(), 0, 0
    with busy(options.busy):
        while _goes_on(rounds, time.monotonic() - begun, options):
            failed += not once(first + rounds, options.keep, more)
            rounds += 1
    print(f"{rounds} rounds, {failed} failed, {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def _goes_on(rounds: int, seconds: float, options: argparse.Namespace) -> bool:
    return seconds < options.minutes * 60 if options.minutes else rounds < options.times


def once(seed: int, keep: Path, arguments: Sequence[str]) -> bool:
    """One round; whether all passed."""
    folder = keep.absolute() / f"seed-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder / "pytest.log"
    command = [sys.executable, "-m", "pytest", *LANES, "-ra", f"--basetemp={folder / 'tmp'}", *arguments]
    with log.open("wb") as output:
        code = subprocess.run(command, env={**os.environ, SEED: str(seed)}, stdout=output, stderr=output, check=False).returncode
    lines = log.read_text(errors="replace").splitlines()
    print(f"seed {seed}: {lines[-1] if lines else 'nothing was said'}", flush=True)
    if code == 0:
        shutil.rmtree(folder)
        return True
    for line in lines:
        if line.startswith(TOLD):
            print(f"  {line}")
    keep_logs(folder)
    print(f"  logs: {folder}; again: make soak ARGS='--times 1 --seed {seed} {' '.join(arguments)}'", flush=True)
    return False


def keep_logs(folder: Path) -> None:
    """Remove what the tests left, but for the logs of all that they started."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif ".log" not in path.name:
            path.unlink()


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that leave the tests less than the machine has."""
    beside = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in beside:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
