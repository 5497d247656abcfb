"""Every guard of the cage holds, and every loose one turns its check red."""

import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.mutants import cage
from tests.mutants.checks import Broken
from tests.unit.cage.outcomes import KERNELS, tried, wrong

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these guards")
Check = Callable[[Path], Awaitable[None]]
RED: list[tuple[Check, cage.Mutation]] = [
    (cage.an_engine_names_no_path, cage.the_engines_path_is_believed),
    (cage.a_link_leads_nowhere, cage.whatever_lies_there_is_taken),
    (cage.a_request_sees_its_own_files, cage.nothing_is_taken_back),
    (cage.no_secret_is_in_the_environment, cage.the_environment_is_inherited),
]
# A guard, and a kernel on which no other stands in for it.
LOOSE = [
    ("files", "Landlock alone"),
    ("calls", "seccomp alone"),
    ("view", "namespaces alone"),
    ("network", "namespaces alone"),
    ("user", "namespaces alone"),
    ("privileges", "Landlock alone"),
]
OF_ROOT = ("user", "privileges")  # what only a daemon of root's has, or can lose


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="flatrender-cage-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("check", [check for check, _ in RED], ids=lambda check: check.__name__)
async def test_the_hatch_holds(check: Check, tmp_path: Path) -> None:
    await check(tmp_path)


@pytest.mark.parametrize(("check", "mutation"), RED, ids=lambda one: one.__name__)
async def test_a_hole_turns_it_red(check: Check, mutation: cage.Mutation, tmp_path: Path) -> None:
    with mutation(), pytest.raises(Broken):
        await check(tmp_path)


@pytest.mark.parametrize(("guard", "kernel"), LOOSE)
def test_a_loose_guard_is_found_out(guard: str, kernel: str, place: Path) -> None:
    if guard in OF_ROOT and os.geteuid() != 0:
        pytest.skip("whoever tests is a plain user")
    assert wrong(tried(place, KERNELS[kernel], loose=guard)) != {}
