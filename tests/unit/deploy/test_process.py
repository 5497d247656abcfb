"""A program that is stopped or killed while it still starts leaves nothing running, at whichever moment."""

import asyncio
import os
import sys

import psutil
import pytest

from deploy.local.process import Process, Program, is_alive
from tests.support.chance import chance

# Starts children without a pause, every second one in a session of its own, each of which starts one more; they write into the folder.
BUSY = """
import subprocess, sys, time
mark = sys.argv[1]
wait = "import time; time.sleep(60)"
child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', '{wait}', sys.argv[1]]); {wait}"
for number in range(60):
    subprocess.Popen([sys.executable, "-S", "-c", child, mark], start_new_session=number % 2 == 0)
time.sleep(60)
"""


def marked(mark: str) -> list[psutil.Process]:
    """All processes that name the mark."""
    return [process for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or ()) and is_alive(process)]


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_killed_while_it_starts_children_leaves_none(tmp_path, seed):
    mark = f"mark-{os.getpid()}-{seed}"
    process = Process(Program("busy", [sys.executable, "-S", "-c", BUSY, mark]), tmp_path / "log")
    process.start()
    await asyncio.sleep(chance(seed).uniform(0.02, 0.4))
    await process.kill()
    assert marked(mark) == []


async def test_what_a_program_left_in_its_group_when_it_ended_in_order_is_ended(tmp_path):
    mark = f"mark-{os.getpid()}-group"
    last_words = (
        "import signal, subprocess, sys, time\n"
        "def stop(*_):\n"
        "    subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)', sys.argv[1]])\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    log = tmp_path / "log"
    process = Process(Program("last words", [sys.executable, "-S", "-c", last_words, mark]), log)
    process.start()
    async with asyncio.timeout(15):
        while not log.read_text():
            await asyncio.sleep(0.01)
    await process.stop()
    assert marked(mark) == []
