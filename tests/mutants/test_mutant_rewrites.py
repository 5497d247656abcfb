"""What rewrites add to a document is bounded, and without the bound it is not."""

import pytest

from tests.mutants import rewrites
from tests.mutants.checks import Broken


def test_a_document_that_would_grow_without_bound_is_left_and_told() -> None:
    assert [warning.code for warning in rewrites.stays_small(rewrites.copies_of_much()).warnings] == ["repeater.many"]


def test_without_its_bound_a_document_grows() -> None:
    with rewrites.unbounded(), pytest.raises(Broken):
        rewrites.stays_small(rewrites.copies_of_much())
