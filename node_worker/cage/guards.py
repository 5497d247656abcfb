"""The guards of an engine: put up one after the other, each where the system has it, and told for what they are."""

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from node_worker.cage import calls, files, system, user, view
from node_worker.cage.readable_paths import needed
from node_worker.platform import PROCESSES, limit_processes


class Guard(msgspec.Struct, frozen=True):
    """Whether one of the guards is there; `detail` says how, or why not."""

    name: str
    up: bool
    detail: str

    def __str__(self) -> str:
        return f"{self.name} ({self.detail})" if self.up else f"no {self.name} ({self.detail})"


class Place(msgspec.Struct, frozen=True):
    """Where an engine works and as whom; user 0: as the daemon."""

    folder: Path
    engine: str  # "module:Class"
    user: int = 0
    group: int = 0
    reads: tuple[Path, ...] = ()  # beside what every engine needs

    @property
    def given(self) -> Path:
        """What it is to read; it cannot write there."""
        return self.folder / "given"

    @property
    def made(self) -> Path:
        """What it writes, and the folder that it works in."""
        return self.folder / "made"

    @property
    def root(self) -> Path:
        """An empty folder, over which its view is laid."""
        return self.folder / "root"


class Way(msgspec.Struct, frozen=True):
    """A combination of what can only be had together, or not at all."""

    network: bool = False
    view: bool = False
    as_user: bool = False  # by a user namespace
    user: bool = False  # a user of its own


def ways(place: Place) -> Iterator[Way]:
    """From the best to nothing: what is tried first is kept."""
    own = (True, False) if place.user else (False,)
    for seen in (True, False):
        yield from (Way(network=True, view=seen, user=one) for one in own)
        yield Way(network=True, view=seen, as_user=True)
    yield from (Way(user=one) for one in own)


def enclose(place: Place, tie: Callable[[], None]) -> tuple[Guard, ...]:
    """Put up what must be there before any thread is, so before libraries are loaded; `tie` binds this process to its parent anew."""
    os.chdir(place.made)
    if sys.platform != "linux":
        none = "not offered by this system"
        return tuple(Guard(name, False, none) for name in ("network", "view", "user", "privileges", "files"))
    read = (*needed(place.engine), *place.reads)
    found = _apart(place, read)
    tie()  # whoever changes users is no longer bound
    found.append(_tried("privileges", _no_privileges))
    found.append(_tried("files", lambda: files.close(read, place.given, place.made)))
    return tuple(found)


def seal() -> Guard:
    """Put up the last guard, when everything is loaded and before the first byte of a stranger's."""
    return _tried("calls", calls.close) if sys.platform == "linux" else Guard("calls", False, "not offered by this system")


def _apart(place: Place, read: tuple[Path, ...]) -> list[Guard]:
    """Go the best way that there is; each is rehearsed by another process, as half of one could not be taken back."""
    problems: dict[Way, str] = {}
    for way in ways(place):
        if not (problem := _rehearsed(partial(_go, way, place, read))):
            break
        problems[way] = problem
    else:
        way = Way()
    told = _go(way, place, read)
    reasons = {
        name: next((problem for one, problem in reversed(problems.items()) if getattr(one, name)), "only root can give it one")
        for name in ("network", "view", "user")
    }
    return [Guard(name, bool(told.get(name)), told.get(name) or why) for name, why in reasons.items()]


def _go(way: Way, place: Place, read: tuple[Path, ...]) -> dict[str, str]:
    """Go a way, and tell what it gave. Raises OSError."""
    if sys.platform != "linux":
        raise OSError("not offered by this system")
    told = {}
    if way.network:
        told["network"] = view.leave(files=way.view, as_user=way.as_user)
    if place.user:
        user.give(place.made, place.user if way.user else os.geteuid(), place.group if way.user else os.getegid(), 0o700)
    if way.view:
        told["view"] = view.enter(place.root, read, place.given, place.made)
        os.chdir(place.made)
    if way.user:
        user.become(place.user, place.group)
        limit_processes()
        told["user"] = f"{place.user}, at most {PROCESSES} threads"
    if way != Way():
        user.reach((*read, place.given, place.made))
    return told


def _rehearsed(step: Callable[[], object]) -> str:
    """What goes wrong when another process takes a step, or nothing."""
    if sys.platform != "linux":
        return "not offered by this system"
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            step()
        except BaseException as error:  # told to whoever forked
            os.write(tell, (str(error) or type(error).__name__).encode()[:1000])
        finally:
            os._exit(0)
    os.close(tell)
    with os.fdopen(told, "rb") as answer:
        problem = answer.read().decode(errors="replace")
    ended = os.waitpid(child, 0)[1]
    return problem or (f"it ended by signal {ended}" if ended else "")


def _no_privileges() -> str:
    """No capability, none by a program that would give one, no look into this process by its user's others. Raises OSError."""
    system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
    system.drop_capabilities()
    system.prctl(system.PR_SET_DUMPABLE, 0)
    return "none, for good"


def _tried(name: str, put_up: Callable[[], str]) -> Guard:
    try:
        return Guard(name, True, put_up())
    except OSError as error:
        return Guard(name, False, str(error))
