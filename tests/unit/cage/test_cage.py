"""An engine that a hostile file has taken over gets nothing, whichever of its guards the system has."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from node_worker.platform import PROCESSES
from tests.unit.cage.outcomes import KERNELS, MATTERS, REFUSED_BY, ROOT, Found, tried, wrong

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these guards")
PLAIN = "a plain user"
SOME = ("this kernel", "no Landlock", "no namespaces", "nothing")
WHO = [*((kernel, "root") for kernel in KERNELS), *((kernel, PLAIN) for kernel in SOME)]


@pytest.fixture(scope="module")
def places() -> Iterator[Path]:
    """A folder that everybody may enter."""
    place = Path(tempfile.mkdtemp(prefix="flatrender-cage-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="module", params=WHO, ids=lambda who: " as ".join(who))
def found(request: pytest.FixtureRequest, places: Path) -> tuple[str, str, Found]:
    kernel, who = request.param
    if who == PLAIN and os.geteuid() != 0:
        pytest.skip("whoever tests is a plain user already")
    return kernel, who, tried(places, KERNELS[kernel], plain=who == PLAIN)


def test_each_try_is_refused_by_each_guard_that_is_for_it(found: tuple[str, str, Found]) -> None:
    _, _, got = found
    assert wrong(got) == {}


def test_what_it_needs_is_left_to_it(found: tuple[str, str, Found]) -> None:
    _, _, got = found
    assert got.outcomes["write in its own folder"] == "written"
    assert got.outcomes["start a thread"] == "3 started"


def test_no_secret_is_in_its_environment_and_no_descriptor_is_left_open(found: tuple[str, str, Found]) -> None:
    _, _, got = found
    assert "FLATRENDER" not in got.outcomes["its environment"]
    # Its events, the frame's mark, a file being read, a pipe of its own, the ends of two pipes to what draws a second time.
    assert int(got.outcomes["its descriptors"].split()[0]) <= 7


def test_each_guard_is_told_for_what_it_is(found: tuple[str, str, Found]) -> None:
    kernel, who, got = found
    absent = {"user"} if who == PLAIN else set()
    # Without a view, a plain user cannot reach a Python that lies below a folder of root's, so the engine keeps root's name.
    for call, names in (("landlock", {"files"}), ("unshare", {"network", "view", "user"}), ("seccomp", {"calls"})):
        absent |= names if call in KERNELS[kernel] else set()
    assert set(got.guards) == set(MATTERS)
    assert got.up == set(MATTERS) - absent
    assert all(detail for _, detail in got.guards.values())


def test_without_any_guard_the_tries_would_succeed(places: Path) -> None:
    """What shows that the tries are tries: on such a kernel, most of them work."""
    got = tried(places, KERNELS["nothing"])
    working = {name for name in REFUSED_BY if not got.refused(name)}
    assert working >= {"read the machine's users", "read the node's secret", "change a template", "open a connection", "run a program"}
    assert got.outcomes["fork"] == f"{PROCESSES + 20} forked"


def test_processes_are_bounded_where_they_cannot_be_refused(places: Path) -> None:
    got = tried(places, KERNELS["namespaces alone"])
    if "user" not in got.up:
        pytest.skip("only root can give an engine a user of its own")
    forked = int(got.outcomes["fork"].removesuffix(" forked, then EAGAIN"))
    assert forked < PROCESSES


def test_a_plain_users_daemon_removes_what_is_closed_to_its_owner(places: Path) -> None:
    """Root needs no rights; a plain user has to open what its engine has closed."""
    if os.geteuid() != 0:
        pytest.skip("whoever tests is a plain user already")
    folder = Path(tempfile.mkdtemp(dir=places))
    folder.chmod(0o755)
    (home := folder / "home").mkdir()
    command = [sys.executable, "-m", "tests.unit.cage.plain_user", str(home), "tests.unit.cage.burying", str(home)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (0, "left:\n"), done.stderr
