"""`make soak` repeats, and keeps of a failed round what one needs to see why."""

import pytest

from tests import soak

ODD_SEEDS_FAIL = """
import os
def test_it(tmp_path):
    (tmp_path / "server.log").write_text("its last words")
    (tmp_path / "data.bin").write_bytes(b"x")
    assert int(os.environ["TEST_SEED"]) % 2 == 0
"""


@pytest.fixture
def arguments(tmp_path):
    (tmp_path / "test_it.py").write_text(ODD_SEEDS_FAIL)
    return ["--seed", "4", "--keep", str(tmp_path / "kept"), "-n", "0", "-p", "no:cacheprovider", str(tmp_path / "test_it.py")]


def test_a_round_that_fails_is_told_with_its_seed_and_leaves_its_logs(tmp_path, arguments, capsys):
    assert soak.main(["--times", "2", *arguments]) == 1
    said = capsys.readouterr().out
    assert "FAILED" in said and "--seed 5 " in said and "2 rounds, 1 failed" in said
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["seed-5"]
    kept = {path.name for path in (tmp_path / "kept" / "seed-5").rglob("*") if path.is_file()}
    assert kept == {"pytest.log", "server.log"}


def test_rounds_that_pass_leave_nothing(tmp_path, arguments):
    assert soak.main(["--times", "1", *arguments]) == 0
    assert list((tmp_path / "kept").iterdir()) == []
