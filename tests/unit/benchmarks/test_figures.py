"""A measured figure is judged beside its floor; only a missed ratio is an error."""

import importlib

import pytest

from benchmarks import run
from benchmarks.figures import Bound, Figure, figure

BOTH = [Bound("value", least=5000), Bound("ratio", least=5)]


def test_a_missed_absolute_is_told_and_is_no_error():
    slow = figure("apply", 4000, "/s", 500, BOTH, "the machine")
    assert (slow.met, slow.failed) == (False, False)


def test_a_missed_ratio_is_an_error():
    assert figure("apply", 6000, "/s", 2000, BOTH, "the code").failed


def test_a_figure_without_a_target_is_no_error():
    one = figure("idle", 579, "MB", 220, [], "processes")
    assert (one.met, one.failed) == (None, False)


@pytest.mark.parametrize(("value", "floor", "code"), [(4000, 500, 0), (6000, 500, 0), (6000, 2000, 1)])
def test_bench_ends_with_an_error_only_where_a_ratio_is_missed(tmp_path, monkeypatch, value, floor, code):
    async def measure(quick: bool) -> list[Figure]:
        return [figure("apply", value, "/s", floor, BOTH, "x")]

    monkeypatch.setattr(importlib.import_module("benchmarks.apply"), "measure", measure)
    assert run.main(["--only", "apply", "-o", str(tmp_path / "bench.json")]) == code
