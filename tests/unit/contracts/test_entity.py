from typing import Literal
from uuid import UUID

import msgspec
import pytest

from contracts.entity import Entity, Row, carry


class Thing(Row, frozen=True, kw_only=True):
    """A thing."""

    thing_id: UUID
    state: Literal["there", "gone"] = "there"
    note: str = ""
    parent_id: UUID | None = None


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": ("thin_id",)},
        {"unique": (("nam",),)},
        {"unique": (("note",),)},
        {"unique": (("parent_id", "state"),)},
        {"indexes": (("nam",),)},
        {"indexes": (("parent_id",),)},
        {"over": ("gon",)},
        {"key": ("thing_id", "note")},
    ],
    ids=str,
)
def test_what_an_entity_says_of_its_row_is_true_of_it(wrong: dict[str, tuple[str, ...]]) -> None:
    given = {"key": ("thing_id",), "over": ("gone",), "about": "things"}
    assert Entity("a.things", Thing, **given).thing == "thing"
    with pytest.raises(TypeError, match="Thing"):
        Entity("a.things", Thing, **given | wrong)


def test_what_is_carried_is_the_fields_that_both_have_and_those_that_are_named() -> None:
    class Source(msgspec.Struct):
        a: int
        b: int = 2
        c: int = 3

    class Made(msgspec.Struct):
        b: int
        c: int
        d: int

    assert carry(Made, Source(a=1), c=30, d=4) == Made(b=2, c=30, d=4)
