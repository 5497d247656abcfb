"""What processes hold together: each page once, whoever else has it too."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.memory import held

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone shows the tables of pages")
MIB = 1 << 20
SIZE, SLACK = 32 * MIB, 4 * MIB
HOLD = """
import mmap, sys
own = bytearray(int(sys.argv[2]))
own[::4096] = b"x" * len(own[::4096])
with open(sys.argv[1], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
sum(mapped[::4096])
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(file: Path, own: int = 0) -> Iterator[int]:
    """The id of a process that has the file's pages in memory, and some of its own."""
    with subprocess.Popen(
        [sys.executable, "-I", "-c", HOLD, str(file), str(own)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process.pid
        process.communicate("")


def test_a_page_that_two_of_ours_have_counts_once_and_one_that_another_has_too_counts_wholly(tmp_path: Path) -> None:
    file = tmp_path / "shared"
    file.write_bytes(b"s" * SIZE)
    with holder(file) as one, holder(file, SIZE) as other:
        alone, both, second = held([one]), held([one, other]), held([other])
        assert alone > SIZE
        assert SIZE - SLACK < second - alone < SIZE + SLACK, "its own pages are its own"
        assert both < alone + second - SIZE, "the file's pages count once"
        with holder(file):
            assert abs(held([one]) - alone) < SLACK, "a foreign process takes nothing away"


def test_a_process_that_has_ended_holds_nothing() -> None:
    ended = subprocess.Popen([sys.executable, "-I", "-c", ""])
    ended.wait()
    assert held([ended.pid]) == 0
