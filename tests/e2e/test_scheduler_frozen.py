"""Two processes of all domains, as in a cluster, of which the leading one freezes while a film is drawn, and with it the scheduler."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from contracts.domains import DOMAINS
from deploy.domains import all_domains
from deploy.local.stack import STOP_CONSUMERS, Stack, environment
from deploy.replay import verify
from templates.samples import simple
from tests.chaos.tenants import Tenants
from tests.e2e.support_http import Http

CONSUME = ["-m", "deploy", "consume", *DOMAINS]
SECONDS = 12  # segments of a film
VERIFIED = "select body::jsonb->>'key' from log.events where type = 'evt.render.segment.verified.v1' and tenant_id = $1"


class Pair:
    """Two processes of consumers that nobody starts again; the stack's own is away meanwhile."""

    def __init__(self, stack: Stack) -> None:
        self._processes, self._settings = stack.processes, stack.settings_of_consumers()

    def add(self, name: str) -> None:
        """Start one."""
        self._processes.add(name, [sys.executable, "-P", *CONSUME], environment(self._settings), stop_timeout=5.0)

    def send(self, name: str, what: signal.Signals) -> None:
        """Stop one, or let it go on."""
        os.kill(self._processes.pids()[name], what)

    async def until_all_led(self, name: str) -> None:
        """Wait until one has led every domain."""
        log = self._processes.log(name)
        while not log.exists() or not all(f"{domain}: active" in log.read_text() for domain in DOMAINS):
            await asyncio.sleep(0.05)


@asynccontextmanager
async def pair(stack: Stack) -> AsyncIterator[Pair]:
    two = Pair(stack)
    await stack.processes.remove("consumers")
    try:
        two.add("consumers-a")
        await two.until_all_led("consumers-a")
        two.add("consumers-b")
        yield two
    finally:
        for name in ("consumers-a", "consumers-b"):
            await stack.processes.remove(name)
        stack._add("consumers", CONSUME, stack.settings_of_consumers(), STOP_CONSUMERS)


@pytest.mark.timeout(240)
async def test_a_film_is_drawn_once_and_whole_although_its_scheduler_freezes_and_wakes(stack: Stack) -> None:
    async with Tenants(stack) as tenants:
        tenant = await tenants.new("a customer of a cluster")
    conn = await asyncpg.connect(stack.servers.pg_admin_dsn)
    async with Http(stack.url, tenant.api_key) as http, pair(stack) as two:
        project = (await http.template("film.json", simple("frozen", SECONDS)))["project_id"]
        job = await http.render(project)
        while not await conn.fetchval(f"select count(*) from ({VERIFIED}) v", tenant.id):
            await asyncio.sleep(0.02)
        began = time.monotonic()
        two.send("consumers-a", signal.SIGSTOP)
        await two.until_all_led("consumers-b")
        print(f"\nall domains are led by the other {time.monotonic() - began:.1f} s after SIGSTOP")
        two.send("consumers-a", signal.SIGCONT)
        film = await http.ended(job)
        assert film["state"] == "completed", film
        keys = [row[0] for row in await conn.fetch(VERIFIED, tenant.id)]
        assert len(keys) == len(set(keys)) == SECONDS
        again = await http.ended(await http.render(project, width=162))  # the woken one stands by, and disturbs nothing
        assert again["state"] == "completed", again
    await conn.close()
    report = await verify(stack.servers.pg_admin_dsn, all_domains())
    assert report.equal, report.problems
