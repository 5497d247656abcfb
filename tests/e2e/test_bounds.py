"""A priority, a deadline or a range outside its bounds gets a problem that says the bounds, over HTTP and on the command line."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from tests.e2e.support_http import is_problem
from tests.e2e.support_shop import Shop, open_shop

pytestmark = pytest.mark.timeout(120)
PRIORITIES = "0 to 100"
REFUSED: list[tuple[dict[str, Any], str]] = [
    *(({"priority": value}, PRIORITIES) for value in (-1, 101, 2**70)),
    *(({"priority": value}, "must be int") for value in (1.5, "high")),
    ({"deadline": "2026-05-01T12:00:00"}, "offset from UTC"),
    *(
        ({"deadline": value}, "2000-01-01 to 2100-01-01")
        for value in ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00")
    ),
    *(({"deadline": value}, "") for value in ("tomorrow", 5, "2026-13-01T00:00:00Z", "10000-01-01T00:00:00Z")),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    async with open_shop(stack) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def job(shop: Shop) -> str:
    """A render under way: nobody can draw it, for want of a label."""
    made = await shop.http.render(shop.project, needs={"labels": ["nowhere"]})
    await shop.http.until(f"/v1/renders/{made}", lambda row: row["segments_total"] > 0)
    return made


@pytest.mark.parametrize(("change", "bounds"), REFUSED)
async def test_what_is_out_of_bounds_is_refused_with_the_bounds(shop: Shop, job: str, change: dict[str, Any], bounds: str) -> None:
    (field,) = change
    before = await shop.http.get(f"/v1/renders/{job}")
    for path, body in (("/v1/renders", shop.order(**change)), (f"/v1/renders/{job}/reschedule", change)):
        answer = await shop.http.send("POST", path, body)
        is_problem(answer, 422, "", field)
        assert bounds in answer.json["detail"], answer
    assert await shop.http.get(f"/v1/renders/{job}") == before


async def test_a_deadline_that_has_passed_is_no_mistake_as_what_is_late_goes_first(shop: Shop, job: str) -> None:
    answer = await shop.http.post(f"/v1/renders/{job}/reschedule", {"deadline": "2020-01-01T00:00:00Z"})
    assert answer["deadline"] == "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("option", "value", "bounds"), [("--priority", "101", "less than or equal to 100"), ("--deadline", "someday", "valid datetime")]
)
async def test_the_command_line_says_the_bounds_too(shop: Shop, job: str, option: str, value: str, bounds: str) -> None:
    command = [
        sys.executable,
        "-m",
        "cli",
        "jobs",
        "reschedule",
        job,
        option,
        value,
        "--url",
        shop.http.url,
        "--api-key",
        shop.http.api_key,
    ]
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2 and bounds in ran.stderr, ran
