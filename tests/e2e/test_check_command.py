"""`flatrender check` on a running stack: 0 when all agrees, 1 with what differs, 2 when it could not look."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from adapters.object_store import ObjectStore
from deploy.local.stack import BUCKET, CHECK, Stack
from templates.samples import simple
from tests.e2e.test_cli import flatrender, here

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def stack(commands_stack: Stack) -> Stack:
    """The whole product, for these files alone."""
    return commands_stack


async def checked(stack: Stack, cwd: Path, *more: str) -> tuple[int, Any]:
    """The exit code and what was found."""
    code, out, errors = await flatrender("check", "--data", stack.data, "--json", *more, cwd=cwd)
    assert out, errors
    return code, json.loads(out)


async def test_a_film_that_was_rendered_agrees_in_every_way(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "film.json").write_bytes(simple("Hello", seconds=2))
    code, _, errors = await flatrender("render", "film.json", "--output", "film.mp4", *here(stack), cwd=tmp_path)
    assert code == 0, errors
    for form in ([], ["--young"], ["--full", "--young"]):
        code, report = await checked(stack, tmp_path, *form)
        assert code == 0 and report["agrees"], report["differences"]
    assert report["counts"]["objects"] > 3 and report["counts"]["events"] == report["position"]
    async with aiohttp.ClientSession() as http, http.get(f"{stack.url}/metrics") as answer:
        text = await answer.text()
    assert "flatrender_check_differences 0\n" in text and "flatrender_check_whole_age_seconds" in text


async def test_a_stored_film_of_another_content_is_found_by_the_full_form(stack: Stack, tmp_path: Path) -> None:
    conn = await asyncpg.connect(stack.servers.pg_admin_dsn)
    key = await conn.fetchval("select object_key from render.exports order by created_at desc limit 1")
    servers = stack.servers
    async with ObjectStore(servers.s3_url, BUCKET, servers.s3_access_key, servers.s3_secret_key) as store:
        content = await store.get(key, 1 << 24)
        await store.put(key, content[:-1] + bytes([content[-1] ^ 1]))
        try:  # what a difference is told by is asked while it stands: the standing check may look again at any moment
            code, report = await checked(stack, tmp_path, "--full", "--young")
            _, out, _ = await flatrender("doctor", "--quick", "--data", stack.data, cwd=tmp_path)
            async with aiohttp.ClientSession() as http, http.get(f"{stack.url}/readyz") as answer:
                alarms = (await answer.json())["alarms"]
        finally:
            await store.put(key, content)
    assert code == 1 and [one["name"] for one in report["differences"]] == ["objects"], report["differences"]
    assert key in report["differences"][0]["place"] and report["differences"][0]["remedy"]
    assert f"objects: {key}" in out
    assert "1 differences stand" in alarms["check"] and key not in str(alarms), "what differs is nobody's business"
    code, report = await checked(stack, tmp_path, "--full", "--young")
    assert code == 0, report["differences"]
    await conn.close()


async def test_where_nothing_runs_nothing_was_looked_at(tmp_path: Path) -> None:
    code, _, errors = await flatrender("check", "--data", tmp_path, cwd=tmp_path)
    assert code == 2 and "flatrender up" in errors


async def test_the_stack_runs_the_check_by_itself(stack: Stack) -> None:
    assert CHECK in stack.processes.pids()
