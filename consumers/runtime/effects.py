"""Effects: what touches the world outside the database is done here, after the commit, at least once, and reported by commands."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from consumers.runtime.connection import DATABASE_AWAY, POOL_WAIT
from consumers.runtime.domain import Domain, EffectFailed
from consumers.runtime.leading import Leading
from consumers.runtime.pool import Pool
from consumers.runtime.store import Store
from contracts.envelope import Envelope, derived_id
from contracts.message import Command

log = logging.getLogger(__name__)
POLL = 15.0  # seconds between looks for effects that another process left behind
LIMIT = 32  # effects, or groups of them, at once
TOGETHER = 64  # effects in a group
LONGEST_WAIT = 300.0
ELSEWHERE = 30.0  # seconds after its own retry that an effect of a dead process is taken up by another


class Task(msgspec.Struct, frozen=True):
    """One effect, claimed by this process; its payload is JSON, but of kinds that are run together the very object."""

    tenant_id: UUID
    id: UUID
    kind: str
    payload: Any
    envelope: Envelope
    attempts: int = 1


class EffectRunner:
    """Runs a domain's effects while this process leads it; `tools` is what they may use, `publish` sends the commands that report them.

    What was begun and somebody else took over meanwhile is neither carried out nor reported: its row waits for the leader.
    """

    def __init__(self, domain: Domain, pool: Pool, publish: Callable[[Command, Envelope], Any], tools: Any, leading: Leading) -> None:
        self.domain, self._pool, self._publish, self._tools, self._leading = domain, pool, publish, tools, leading
        self._slots = asyncio.Semaphore(LIMIT)
        self._running: set[asyncio.Task[None]] = set()
        self._mine: set[UUID] = set()  # effects that this process runs, will try again, or has still to forget
        self._due = asyncio.Event()
        self._finished: list[Task] = []
        self._finish = asyncio.Event()

    def start_new(self, tasks: list[Task]) -> None:
        """Run what a batch has just committed, without going through the table."""
        groups: dict[str, list[Task]] = {}
        lease = self._leading.lease
        for task in tasks:
            if task.kind in self.domain.runs_together:
                groups.setdefault(task.kind, []).append(task)
            else:
                self._spawn(task, lease=lease)
        for group in groups.values():
            for start in range(0, len(group), TOGETHER):
                self._spawn(*group[start : start + TOGETHER], lease=lease)

    async def take_over(self) -> None:
        """Take up what an earlier leader of the domain left behind; called when this process has become the leader."""
        if self._leading.begins:  # what still runs here, or waits for its next try, is left
            self._mine.intersection_update(task.id for task in self._finished)
        async with self._pool.acquire(timeout=POOL_WAIT) as conn:
            store = Store(conn, self.domain.name)
            async with store.transaction(None):
                await conn.execute(store.q.take_over_effects, list(self._mine), self._leading.lease)
                left = {kind: await together.left(conn) for kind, together in self.domain.runs_together.items()}
        self._due.set()
        self.start_new([Task(envelope.tenant, envelope.id, kind, payload, envelope) for kind in left for payload, envelope in left[kind]])

    async def run(self) -> None:
        """Forget finished effects in groups, and look for those that nobody runs."""
        await asyncio.gather(self._forget(), self._look())

    async def _look(self) -> None:
        while True:
            await self._leading.active.wait()
            self._due.clear()
            try:
                async with self._pool.acquire(timeout=POOL_WAIT) as conn:
                    store = Store(conn, self.domain.name)
                    async with store.transaction(None):
                        rows = await conn.fetch(store.q.claim_effects, LIMIT, lease := self._leading.lease)
                for row in rows:
                    if row["id"] in self._mine:
                        continue
                    try:
                        envelope = msgspec.json.decode(row["envelope"], type=Envelope)
                    except msgspec.MsgspecError as error:  # it stays for a person, and is looked at once a minute
                        log.error("ALARM: %s: effect %s (%s) cannot be read: %s", self.domain.name, row["id"], row["kind"], error)
                        continue
                    payload = msgspec.Raw(row["payload"].encode())
                    self._spawn(Task(row["tenant_id"], row["id"], row["kind"], payload, envelope, row["attempts"]), lease=lease)
            except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
                log.warning("%s: effects cannot be claimed: %s", self.domain.name, error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._due.wait()

    def _spawn(self, *tasks: Task, lease: int) -> None:
        together = tasks[0].kind in self.domain.runs_together
        if not together:
            self._mine.add(tasks[0].id)
        running = asyncio.create_task(self._carry_out_together(tasks, lease) if together else self._carry_out(tasks[0], lease))
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def _carry_out(self, task: Task, lease: int) -> None:
        async with self._slots:
            try:
                if not await self._leading.holds(lease):
                    self._leave(task)
                    return
                await self._report(task, await self._run(task), lease)
            except Exception as error:  # whatever it was, the row stays and is tried again
                log.warning("%s: %s failed (attempt %d): %s: %s", self.domain.name, task.kind, task.attempts, type(error).__name__, error)
                await self._postpone(task, f"{type(error).__name__}: {error}", lease)

    async def _run(self, task: Task) -> list[Command]:
        """The commands that report it."""
        try:
            return list(await self.domain.runs[task.kind](msgspec.json.decode(task.payload), task.envelope, self._tools))
        except EffectFailed as failed:
            log.warning("%s: %s failed for good: %s", self.domain.name, task.kind, failed)
            return failed.commands

    async def _carry_out_together(self, tasks: Sequence[Task], lease: int) -> None:
        """One group in one go; when it fails, each is tried again by itself, so that one cannot hold the others up."""
        async with self._slots:
            try:
                if not await self._leading.holds(lease):
                    return
                await self.domain.runs_together[tasks[0].kind].run([(task.payload, task.envelope) for task in tasks], self._tools)
            except Exception as error:  # whatever it was, they are tried again
                log.warning("%s: %d of %s failed: %s: %s", self.domain.name, len(tasks), tasks[0].kind, type(error).__name__, error)
                for task in tasks:
                    self._again(task, lease)

    async def _report(self, task: Task, commands: list[Command], lease: int) -> None:
        if not await self._leading.holds(lease):
            self._leave(task)
            return
        for number, command in enumerate(commands):
            identity = derived_id(task.id, f"report {number}")
            await self._publish(command, task.envelope.caused(command, id=identity, time=datetime.now(UTC), actor="system"))
        self._finished.append(task)
        self._finish.set()

    def _leave(self, task: Task) -> None:
        log.info("%s: %s is left to the process that leads now", self.domain.name, task.kind)
        self._mine.discard(task.id)

    async def _postpone(self, task: Task, reason: str, lease: int) -> None:
        due = _wait(task) + ELSEWHERE
        try:
            async with self._pool.acquire(timeout=POOL_WAIT) as conn:
                store = Store(conn, self.domain.name)
                async with store.transaction({task.tenant_id}):
                    await conn.execute(
                        store.q.postpone_effect, task.tenant_id, task.id, due, reason[:500], task.attempts, self._leading.lease
                    )
        except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
            log.warning("%s: that %s failed cannot be noted: %s", self.domain.name, task.kind, error)
        self._again(task, lease)

    def _again(self, task: Task, lease: int) -> None:
        again = msgspec.structs.replace(task, attempts=task.attempts + 1)
        asyncio.get_running_loop().call_later(_wait(task), partial(self._spawn, again, lease=lease))

    async def _forget(self) -> None:
        while True:
            await self._finish.wait()
            await asyncio.sleep(0.05)
            await self._leading.active.wait()  # what another leader has done meanwhile is done twice, and is removed once
            self._finish.clear()
            done, self._finished = self._finished, []
            try:
                async with self._pool.acquire(timeout=POOL_WAIT) as conn:
                    store = Store(conn, self.domain.name)
                    async with store.transaction({task.tenant_id for task in done}):
                        await conn.execute(store.q.drop_effects, [t.tenant_id for t in done], [t.id for t in done], self._leading.lease)
            except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
                log.warning("%s: finished effects cannot be dropped yet: %s", self.domain.name, error)
                self._finished += done
                await asyncio.sleep(1)
                self._finish.set()
            else:
                self._mine -= {task.id for task in done}


def _wait(task: Task) -> float:
    """Seconds until it is tried again."""
    return min(LONGEST_WAIT, 0.5 * 2.0 ** min(task.attempts, 10))
