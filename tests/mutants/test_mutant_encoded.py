"""Pictures are steady and sounds in time, and each mutant turns its check red."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.mutants import encoded
from tests.mutants.checks import Broken


@pytest.mark.parametrize("check", dict.fromkeys(check for check, _ in encoded.RED), ids=lambda check: check.__name__)
def test_the_check_is_green(check: Callable[[Path], None], tmp_path: Path) -> None:
    check(tmp_path)


@pytest.mark.parametrize(("check", "mutation"), encoded.RED, ids=lambda one: one.__name__)
def test_a_mutant_turns_it_red(check: Callable[[Path], None], mutation: Callable[[], Any], tmp_path: Path) -> None:
    with mutation(), pytest.raises(Broken):
        check(tmp_path)
