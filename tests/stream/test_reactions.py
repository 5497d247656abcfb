"""`reactions_alone.py` in a process of its own: behind other files of this folder its first test was seen to wait for ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ALONE = Path(__file__).with_name("reactions_alone.py")


@pytest.mark.timeout(300)
def test_reactions_hold_over_real_servers() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", str(ALONE)]
    done = subprocess.run(command, env=environment, cwd=ALONE.parents[2], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
