"""Columns as PostgreSQL's own text: what it reads is what was written."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from consumers.runtime.array_parameters import IN_TEXT, as_parameter

MOMENT = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
COLUMNS: dict[str, list[Any]] = {
    "bigint": [0, -1, 2**63 - 1, -(2**63), None],
    "float8": [0.1, -0.0, 1e-320, 1.7976931348623157e308, math.inf, -math.inf, None],
    "boolean": [True, False, None],
    "uuid": [UUID(int=0), UUID(int=2**128 - 1), UUID("0a000000-0000-4000-8000-00000000000b"), None],
    "text": ["", "a", "NULL", "null", '"', "\\", '\\"', "{}", "a,b", " a ", "\n\t", "\x01", "سلام", "👩‍🚀", None],
    "timestamptz": [MOMENT, MOMENT.astimezone(timezone(timedelta(hours=3, minutes=30))), datetime(1, 1, 2, tzinfo=UTC), None],
}


@pytest.mark.parametrize("type", sorted(IN_TEXT))
@pytest.mark.parametrize("nullable", [True, False])
async def test_a_column_comes_back_as_it_went(database: str, type: str, nullable: bool) -> None:
    values = [value for value in COLUMNS[type] if nullable or value is not None]
    conn = await asyncpg.connect(database)
    try:
        rows = await conn.fetch(f"select * from unnest($1::text::{type}[]) as v", as_parameter(type, values))
    finally:
        await conn.close()
    assert [row["v"] for row in rows] == values


@pytest.mark.parametrize("values", [[""], ["", ""], ["\x1f"], ["a\x1fb", '"\x1f\\'], [None], []])
async def test_texts_that_could_be_taken_for_something_else_come_back_as_they_went(database: str, values: list[str | None]) -> None:
    conn = await asyncpg.connect(database)
    try:
        assert await conn.fetchval("select $1::text::text[]", as_parameter("text", values)) == values
    finally:
        await conn.close()


def test_what_is_not_written_as_text_goes_as_it_is() -> None:
    values = ["a", "NULL", None]
    assert as_parameter("json", values) is values
