"""What the stack writes is readable by its own users alone, and its engines are held by all that the machine has."""

import stat
from pathlib import Path

import pytest

from cli.doctor_checks import checks

pytestmark = pytest.mark.timeout(120)


def open_to_others(folder: Path) -> dict[str, str]:
    """Files and folders of a data folder that others could read or write, if they could enter it."""
    found = {}
    # The store sets the modes of some files itself, in folders that it keeps closed.
    closed = folder / "s3"
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    for path in folder.rglob("*"):
        if path.is_relative_to(closed):
            continue
        try:
            state = path.lstat()
        except FileNotFoundError:  # the stack works
            continue
        if (stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode)) and state.st_mode & 0o007:
            found[str(path.relative_to(folder))] = oct(stat.S_IMODE(state.st_mode))
    return found


async def test_nobody_else_can_read_what_the_stack_writes(stack) -> None:
    assert open_to_others(stack.data) == {}


async def test_the_doctor_says_what_holds_an_engine(tmp_path) -> None:
    (look,) = [check.look for check in checks(tmp_path, quick=False) if check.name == "cage"]
    found = await look()
    assert found.good, found
    assert "privileges (none" in found.text
    assert "limits (data" in found.text
