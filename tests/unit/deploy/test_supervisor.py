"""The supervisor with real processes: restarts, whole trees, Ctrl-C, the parent's death, capped logs."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys

import psutil
import pytest

from deploy.local import frozen, leftovers, logs, supervisor
from deploy.local.errors import StackError
from deploy.local.process import Process, Program
from deploy.local.supervisor import Supervisor

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "print('child', child.pid, flush=True)\n"
        "time.sleep(60)"
    ),
]


async def until(condition):
    async with asyncio.timeout(15):
        while not (value := condition()):
            await asyncio.sleep(0.01)
        return value


def child_in(log):
    words = log.read_text().split() if log.exists() else []
    return int(words[1]) if len(words) > 1 else None


@contextlib.asynccontextmanager
async def running(tmp_path, notice=None, **programs):
    keep = Supervisor(tmp_path / "logs", notice)
    for name, argv in programs.items():
        keep.add(name, argv, stop_timeout=0.2)
    stop = asyncio.Event()
    task = asyncio.create_task(keep.run_until(stop))
    try:
        await until(lambda: len(keep.pids()) == len(programs) or task.done())
        yield keep
    finally:
        stop.set()
        await task
        assert keep.pids() == {}


async def test_a_killed_process_is_started_again(tmp_path):
    notices = []
    async with running(tmp_path, notices.append, worker=SLEEP) as keep:
        first = keep.pids()["worker"]
        await keep.kill("worker")
        second = await until(lambda: keep.pids().get("worker"))
        assert second != first
        assert not psutil.pid_exists(first)
        assert notices == ["worker was ended by signal 9; starting it again in 0.2 s"]


async def test_a_process_that_keeps_ending_is_started_again_with_growing_delay(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.1)
    monkeypatch.setattr(supervisor, "LONGEST_DELAY", 0.2)
    notices = []
    keep = Supervisor(tmp_path, notices.append)
    keep.add("broken", [sys.executable, "-S", "-c", "raise SystemExit(3)"])
    stop = asyncio.Event()
    task = asyncio.create_task(keep.run_until(stop))
    await until(lambda: len(notices) >= 3)
    stop.set()
    await task
    assert [notice.rsplit(" in ")[1] for notice in notices[:3]] == ["0.1 s", "0.2 s", "0.2 s"]
    assert all("ended with code 3" in notice for notice in notices)


# Each touches its file for a moment, then says that it is up and does what its name says.
LIVELY = """
import pathlib, sys, time
alive, what = pathlib.Path(sys.argv[1]), sys.argv[2]
alive.touch()
print('up', flush=True)
while True:
    if what == 'lives':
        alive.touch()
        time.sleep(0.01)
    elif what == 'sleeps':
        time.sleep(60)
"""


@contextlib.asynccontextmanager
async def watched(tmp_path, monkeypatch, what, **looks):
    for name, value in {"LOOK": 0.1, "HELD_UP": 60.0, **looks}.items():
        monkeypatch.setattr(frozen, name, value)
    notices = []
    keep = Supervisor(tmp_path / "logs", notices.append)
    alive = tmp_path / "worker.alive"
    keep.add("worker", [sys.executable, "-c", LIVELY, str(alive), what], stop_timeout=0.2, alive=alive)
    await keep.start()
    try:
        await until(lambda: keep.log("worker").exists() and "up" in keep.log("worker").read_text())
        yield keep, notices
    finally:
        await keep.stop()


async def test_a_stopped_process_is_ended_and_started_again(tmp_path, monkeypatch):
    async with watched(tmp_path, monkeypatch, "lives") as (keep, notices):
        first = keep.pids()["worker"]
        os.kill(first, signal.SIGSTOP)
        await until(lambda: keep.pids().get("worker", first) != first)
        assert not psutil.pid_exists(first)
        assert notices[0] == "worker is stopped; ending it"


async def test_a_process_without_a_sign_of_life_is_ended_and_started_again(tmp_path, monkeypatch):
    async with watched(tmp_path, monkeypatch, "sleeps") as (keep, notices):
        await until(lambda: keep.restarts("worker") > 0)
        assert notices[0].startswith("worker has given no sign of life for")


async def test_a_process_that_works_or_lives_is_left_alone_until_its_work_has_no_end(tmp_path, monkeypatch):
    looked = []
    judge = frozen.Watch._judge
    monkeypatch.setattr(frozen.Watch, "_judge", lambda self, process: looked.append(judge(self, process)) or looked[-1])
    async with watched(tmp_path, monkeypatch, "works", BUSY=20, SILENT=2) as (keep, notices):
        await until(lambda: keep.restarts("worker") > 0)
    assert looked.index("has given no sign of life for 2 s") >= 19
    async with watched(tmp_path, monkeypatch, "lives", SILENT=1, STOPPED=1) as (keep, notices):
        look, looks = frozen.Watch.look, []
        monkeypatch.setattr(frozen.Watch, "look", lambda self: looks.append(look(self)) or looks[-1])
        await until(lambda: len(looks) > 10)
        assert keep.restarts("worker") == 0 and notices == []


async def test_who_was_held_up_itself_judges_nobody(tmp_path, monkeypatch):
    with subprocess.Popen(SLEEP, stdout=subprocess.DEVNULL) as process:
        process.send_signal(signal.SIGSTOP)
        monkeypatch.setattr(frozen, "HELD_UP", -1.0)  # every look comes late
        watch = frozen.Watch(process.pid, tmp_path / "alive", stopped=1)
        assert [watch.look() for _ in range(3)] == ["", "", ""]
        monkeypatch.setattr(frozen, "HELD_UP", 60.0)
        await until(watch.look)
        process.kill()


async def test_stopping_ends_even_a_deaf_process_and_its_children_in_sessions_of_their_own(tmp_path):
    async with running(tmp_path, worker=STUBBORN) as keep:
        child = await until(lambda: child_in(keep.log("worker")))
        assert psutil.pid_exists(child)
    await until(lambda: gone(child))


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_processes_stop_in_the_reverse_order_of_their_start(tmp_path):
    record = tmp_path / "record"
    program = (
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n"
        "    with open(sys.argv[1], 'a') as file: file.write(sys.argv[2] + ' ')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('up', flush=True)\n"
        "time.sleep(60)"
    )
    names = ("a", "b", "c")
    keep = Supervisor(tmp_path)
    for name in names:
        keep.add(name, [sys.executable, "-c", program, str(record), name])
    await keep.start()
    await until(lambda: all(keep.log(name).exists() and "up" in keep.log(name).read_text() for name in names))
    await keep.stop()
    assert record.read_text() == "c b a "


async def test_a_program_that_does_not_exist_is_named_and_nothing_stays_running(tmp_path):
    keep = Supervisor(tmp_path)
    keep.add("good", SLEEP)
    keep.add("missing", [str(tmp_path / "nothing-here")])
    with pytest.raises(StackError, match=r"missing cannot be started.*nothing-here"):
        await keep.run_until(asyncio.Event())
    assert keep.pids() == {}


@pytest.mark.skipif(sys.platform != "linux", reason="children are tied to their parent by Linux alone")
async def test_children_die_with_a_parent_that_is_killed(tmp_path):
    program = (
        "import asyncio, pathlib, sys\n"
        "from deploy.local.supervisor import Supervisor\n"
        "keep = Supervisor(pathlib.Path(sys.argv[1]))\n"
        "keep.add('worker', [sys.executable, '-c', 'import os, time; print(0, os.getpid(), flush=True); time.sleep(60)'])\n"
        "asyncio.run(keep.run_until(asyncio.Event()))\n"
    )
    parent = Process(Program("parent", [sys.executable, "-c", program, str(tmp_path)]), tmp_path / "parent.log")
    parent.start()
    child = await until(lambda: child_in(tmp_path / "worker.log"))
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    await until(lambda: gone(child))


def test_a_log_over_its_cap_is_cut_while_its_writer_goes_on(tmp_path):
    path = tmp_path / "x.log"
    descriptor = logs.open_log(path)
    os.write(descriptor, b"a" * 100)
    logs.cap(path, 50)
    os.write(descriptor, b"later\n")
    os.close(descriptor)
    assert path.read_bytes() == b"later\n"
    assert (tmp_path / "x.log.1").read_bytes() == b"a" * 100


def test_the_tail_of_a_log_is_its_last_lines(tmp_path):
    (tmp_path / "x.log").write_text("\n".join(str(number) for number in range(100)))
    assert logs.tail(tmp_path / "x.log", 2) == "98\n99"
    assert logs.tail(tmp_path / "none.log") == ""


def test_only_the_very_process_that_was_remembered_is_ended(tmp_path):
    path = tmp_path / "pids.json"
    with subprocess.Popen(SLEEP, stdout=subprocess.DEVNULL) as process:
        leftovers.remember(path, {"nats": process.pid})
        path.write_text(path.read_text().replace(str(psutil.Process(process.pid).create_time()), "1.0"))
        assert leftovers.end(path) == []
        leftovers.remember(path, {"nats": process.pid})
        assert leftovers.end(path) == ["nats"]
        assert gone(process.pid)
