"""An engine that a hostile file has taken over: it tries what the file says, and tells what came of it."""

import ctypes
import errno
import fcntl
import functools
import json
import mmap
import os
import resource
import socket
import subprocess
import threading
import time
from pathlib import Path

from contracts.spec import ScanResult, SceneSpec
from node_worker.encode.facts import FinishedSegment, SegmentCheck
from node_worker.engines import protocol
from node_worker.engines.base import Files, Pixels, TemplateRefused
from node_worker.engines.ticker import Emitter

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
CLONE_NEWUSER = 0x10000000
F_SETSIG, SIGCONT = 10, 18
EVENTS = 3  # the copy of the standard output that `main` made
FILES = [os.pipe()]  # while pipes can be made
TRIED = "tried"  # the code with which the outcome is told


def read(path: str) -> str:
    return f"read {len(Path(path).read_bytes())} bytes"


def listing(path: str) -> str:
    return f"saw {len(os.listdir(path))} names"


def write(path: str) -> str:
    with open(path, "ab") as file:
        file.write(b"mine")
    return "written"


def remove(path: str) -> str:
    os.unlink(path)
    return "removed"


def internet(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=2):
        return "connected"


def unix(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(path)
    return "connected"


def fork(times: int) -> str:
    children = []
    try:
        for _ in range(times):
            if not (child := os.fork()):
                time.sleep(30)
                os._exit(0)
            children.append(child)
    except OSError as error:
        if not children:
            raise
        return f"{len(children)} forked, then {errno.errorcode[error.errno or 0]}"
    finally:
        for child in children:
            os.kill(child, 9)
            os.waitpid(child, 0)
    return f"{len(children)} forked"


def threads(times: int) -> str:
    threading.stack_size(64 << 10)
    stop, count = threading.Event(), 0
    try:
        for _ in range(times):
            threading.Thread(target=stop.wait, daemon=True).start()
            count += 1
    except RuntimeError:
        return f"{count} started, then no more"
    finally:
        stop.set()
    return f"{count} started"


def execute(program: str) -> str:
    return f"it ended with {subprocess.run([program], check=False).returncode}"


def spawn(program: str) -> str:
    return f"it has pid {os.posix_spawn(program, [program], {})}"


def trace(pid: int) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_ATTACH, pid, None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(pid, 0)
    libc.ptrace(PTRACE_DETACH, pid, None, None)
    return "traced"


def signal(pid: int) -> str:
    os.kill(pid, 0)
    return "signalled"


def environment(_: object) -> str:
    return " ".join(sorted(os.environ))


def descriptors(_: object) -> str:
    """What is open beside the standard ones, and the copy of the standard output; pipes and devices only."""
    found = []
    for number in range(3, 200):
        try:
            os.fstat(number)
            found.append(number)
        except OSError:
            continue
    return f"{len(found)} open"


def link(path: str) -> str:
    os.symlink(path, "a link")
    return "linked"


def namespace(_: object) -> str:
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
    return "unshared"


def root(_: object) -> str:
    os.setuid(0)
    os.setgroups([0])
    return "root"


def limits(_: object) -> str:
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except ValueError as error:  # what Python makes of EPERM
        raise PermissionError(errno.EPERM, "setrlimit") from error
    return "unlimited"


def orphan(_: object) -> str:
    """Outlive the daemon."""
    if ctypes.CDLL(None, use_errno=True).prctl(1, 0, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "prctl")
    return "untied"


def kernel(number: int) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, None, None, None, None, None) < 0:
        raise OSError(ctypes.get_errno(), "syscall")
    return "called"


def owner(pid: int) -> str:
    """Have the kernel signal whom we name when a pipe can be read; signal 18 continues what has not stopped."""
    reading, writing = FILES.pop()
    fcntl.fcntl(reading, fcntl.F_SETOWN, pid)
    fcntl.fcntl(reading, F_SETSIG, SIGCONT)
    fcntl.fcntl(reading, fcntl.F_SETFL, fcntl.fcntl(reading, fcntl.F_GETFL) | os.O_ASYNC)
    os.write(writing, b"!")
    return "signalled"


def shared(size: int) -> str:
    """Have more memory than is allowed, in a way that does not count as data."""
    with mmap.mmap(-1, size):
        return "shared"


def cut(_: object) -> str:
    """Cut off or fill whatever file is open."""
    done = 0
    for number in range(3, 200):
        try:
            os.ftruncate(number, 0)
            done += 1
        except OSError:
            continue
    return f"cut {done} off"


def bury(how: str) -> str:
    """Leave folders as deep or as closed as they can be."""
    if how == "closed":
        os.makedirs("closed/within/it")
        os.mkdir("closed/within/it/too", 0)
        os.chmod("closed", 0)
    else:
        home = os.getcwd()
        for _ in range(int(how)):
            os.mkdir("d")
            os.chdir("d")
        os.chdir(home)
    return "buried"


def say(what: str) -> str:
    """Say what nobody asked for."""
    os.write(EVENTS, what.encode())
    return "said"


def compute(_: object) -> str:
    threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()
    return "computing"


TRIES = {
    function.__name__: function
    for function in (
        *(read, listing, write, remove, internet, unix, fork, threads, execute, spawn, trace, signal, environment, descriptors),
        *(link, namespace, root, limits, orphan, kernel, compute, owner, shared, cut, bury, say),
    )
}


def outcome(what: str, value: object) -> str:
    try:
        return TRIES[what](value)  # type: ignore[operator]
    except OSError as error:
        return f"refused: {errno.errorcode.get(error.errno or 0, error)}"


class HostileScene:
    """Draws nothing: offers files that are not its own as the segments that were asked for."""

    warnings = ()
    computed = False

    def __init__(self, spec: SceneSpec) -> None:
        self._offers = json.loads(spec.texts["offers"])
        self._made = Path(os.getcwd())

    def draw(self, seconds: float, into: Pixels) -> None:
        key, how, path = self._offers
        while how == "signs of life":
            events()(protocol.Frame(frame=0, count=1))
            sum(range(100_000))
        while how == "signs of life alone":
            events()(protocol.Frame(frame=0, count=1))
            time.sleep(0.05)
        place = self._made / "0.mp4"
        if how == "symbolic link":
            place.symlink_to(path)
        if how == "hard link":
            place.hardlink_to(path)
        if how == "folder":
            place.mkdir()
        if how == "pipe":
            os.mkfifo(place)
        size = place.stat().st_size if how.endswith("link") else 1
        if how == "holes":
            size = 1 << 30
            place.touch()
            os.truncate(place, size)
        if how == "other size":
            place.write_bytes(b"two")
        segment = FinishedSegment(key=key, path=path, sha256="0" * 64, bytes=size, frames=1, check=SegmentCheck(ok=True, frames=1))
        events()(protocol.SegmentDone(segment=segment))
        time.sleep(30)

    def close(self) -> None:
        pass


@functools.cache
def events() -> Emitter:
    """The way on which the host hears this process: the copy of the standard output that `main` made."""
    return Emitter(os.fdopen(os.dup(EVENTS), "wb", buffering=0))


class HostileEngine:
    """A scan tries what the file says."""

    name = "hostile"
    build = "hostile 1"

    def scan(self, template: Path, work: Path) -> ScanResult:
        asked = json.loads(template.read_bytes())
        raise TemplateRefused(TRIED, json.dumps([outcome(what, value) for what, value in asked["tries"]]))

    def open(
        self, spec: SceneSpec, files: Files, size: tuple[int, int], background: str, fonts: tuple[str, ...], *timing: object
    ) -> HostileScene:
        return HostileScene(spec)
