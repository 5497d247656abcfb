"""A process of the running product that is stopped as if for ever: it is ended, started again, and the product goes on."""

import asyncio
import os
import signal

import aiohttp
import asyncpg
import pytest

from contracts.domains import DOMAINS
from deploy.connections import EDGE, LOG, of_consumers
from deploy.local.stack import Stack


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ["consumers", "log", "edge"])
async def test_a_process_that_is_stopped_is_started_again_and_what_was_asked_meanwhile_is_done(stack: Stack, name: str) -> None:
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    restarts, first = stack.processes.restarts(name), stack.processes.pids()[name]
    async with aiohttp.ClientSession(stack.url, headers=headers) as http:

        async def upload(prefer: str) -> str:
            body = {"name": f"asked while {name} was stopped", "bytes": 10}
            async with http.post("/v1/uploads", json=body, headers={"Prefer": prefer}) as response:
                assert response.status in (201, 202), await response.text()
                return str((await response.json()).get("upload_id", ""))

        os.kill(first, signal.SIGSTOP)
        if name != "edge":
            await upload("respond-async")
        while stack.processes.restarts(name) == restarts or stack.processes.pids().get(name) is None:
            await asyncio.sleep(0.05)
        while True:
            try:
                upload_id = await upload("wait=30")
                break
            except aiohttp.ClientError:  # the edge is on its way
                await asyncio.sleep(0.05)
            except AssertionError as refused:  # or not ready yet
                assert "unavailable" in str(refused), refused
                await asyncio.sleep(0.05)
        while True:
            async with http.get(f"/v1/uploads/{upload_id}") as response:
                if response.status == 200 and (await response.json())["state"] == "open":  # its effect was run and reported
                    return
            await asyncio.sleep(0.05)


async def test_the_processes_have_no_more_connections_than_are_counted(stack: Stack) -> None:
    await asyncio.gather(*(_busy(stack) for _ in range(20)))
    conn = await asyncpg.connect(stack.servers.pg_admin_dsn)
    rows = await conn.fetch("select usename::text as role, count(*) as many from pg_stat_activity where usename is not null group by 1")
    await conn.close()
    many = {row["role"]: row["many"] for row in rows}
    assert sum(many.get(f"{domain}_app", 0) for domain in DOMAINS) <= of_consumers(stack.settings("").pg_pool)
    assert many["log_app"] <= LOG and many["edge_ro"] <= EDGE


async def _busy(stack: Stack) -> None:
    async with aiohttp.ClientSession(stack.url, headers={"Authorization": f"Bearer {stack.api_key}"}) as http:
        for _ in range(5):
            async with http.post("/v1/uploads", json={"name": "one of many", "bytes": 10}) as response:
                assert response.status in (201, 202, 429), await response.text()
