"""deploy/env.sh chooses the Python of the environment. It is run in a folder without a lock file, where it ends once that is made."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "deploy/env.sh"
SYSTEM = [f"/usr/bin/python3.{minor}" for minor in (11, 12, 13)]


def _can_make_one(python: str) -> bool:
    return Path(python).exists() and subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True).returncode == 0


def _run(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "deploy").mkdir()
    script = shutil.copy(SCRIPT, folder / "deploy/env.sh")
    environment = {"PATH": os.environ["PATH"]} | variables
    return subprocess.run(["sh", script], env=environment, capture_output=True, text=True, timeout=120)


def test_a_python_that_was_named_and_does_not_run_is_refused_by_its_name(tmp_path):
    done = _run(tmp_path, PYTHON="/nowhere/python")
    assert done.returncode == 1
    assert "PYTHON=/nowhere/python is not a Python 3.11, 3.12 or 3.13 that runs" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.skipif(not any(map(_can_make_one, SYSTEM)), reason="this system has no Python that can make an environment")
def test_the_systems_own_python_comes_before_the_first_on_the_path(tmp_path):
    stub = tmp_path / "bin/python3.11"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\nexec /nowhere/python "$@"\n')
    stub.chmod(0o755)
    done = _run(tmp_path, PATH=f"{stub.parent}:{os.environ['PATH']}")
    assert "requirements.lock is missing" in done.stderr
    assert "home = /usr/bin\n" in (tmp_path / ".venv/pyvenv.cfg").read_text()
