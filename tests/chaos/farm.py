"""The farm part of `flatrender chaos`: engines and nodes fail in every way while films render, and no frame is lost, doubled or stale."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from adapters.nats import connect
from adapters.object_store import ObjectStore
from deploy.local.stack import BUCKET, CHECK
from tests.chaos.cancels import Cancels
from tests.chaos.checks import guarded
from tests.chaos.farm_checks import FarmChecks
from tests.chaos.farm_report import TARGETS, FarmReport
from tests.chaos.farm_stack import FarmStack
from tests.chaos.faults import WEIGHTS, Fault, FaultKind, Faults
from tests.chaos.films import FARM_FILMS, Cinema, Made, build
from tests.chaos.renderers import keep_rendering, until_ended
from tests.chaos.repeats import Repeats
from tests.chaos.standing import Standing
from tests.chaos.tenants import Tenants
from tests.chaos.watcher import Watcher

NODES = 4
RENDERERS = 3  # tenants that render at the same time
FILMS_WITHIN = 600.0  # seconds for a tenant's films, faults and all; beyond, they hang
PAUSE = (0.1, 0.8)  # seconds between two faults
STANDSTILL = 3.0  # seconds until the next fault comes although nothing was reported since the last: films must get on, too
LASTING = ("engine hangs", "node held up past the lease", "cut off past the lease")
MEASURED: tuple[FaultKind, ...] = tuple(kind for kind in WEIGHTS if kind in TARGETS)
WELL_AGAIN = 25.0  # seconds that the farm is granted, after a fault that is alone, until all its nodes draw again

Notice = Callable[[str], None]


class FarmChaos:
    """One run against a running stack; use `await FarmChaos(stack, folder, ...).run()`."""

    def __init__(
        self, stack: FarmStack, folder: Path, *, faults: int, seed: int, alone: int = 3, cancels: int = 10, renderers: int = RENDERERS,
        seconds: float = 3600.0, notice: Notice = lambda text: None,
    ) -> None:  # fmt: skip
        """Of each kind `alone` faults are made one by one, the rest as they come; `cancels` jobs are cancelled before.

        `renderers` is how many tenants render at the same time; after `seconds` there are no more faults.
        """
        self._stack, self._notice, self._limit = stack, notice, seconds
        self._wanted, self._alone, self._cancelled, self._renderers = faults, alone, cancels, renderers
        self._random = random.Random(seed)
        self._folder = build(folder)
        self._cinema = Cinema(stack.url, self._folder, FARM_FILMS, FILMS_WITHIN)
        self._made: list[Made] = []
        self._stop = asyncio.Event()
        self.report = FarmReport(seed=seed)

    async def run(self) -> FarmReport:
        """All of it; the report's `violations` are empty when every promise held."""
        self._begun, self._since = time.monotonic(), datetime.now(UTC)
        async with Tenants(self._stack) as tenants, Watcher(self._stack) as watcher:
            first = await tenants.new("without faults")
            reference = await self._cinema.show(first)
            self._say(f"reference: {len(reference)} films, {sum(one.frames for one in reference)} frames")
            cancels = Cancels(self._stack, watcher, first, await self._cinema.project(first, "endless.json"))
            await cancels.run(self._cancelled)
            self._say(f"cancelled: {len(cancels.seconds)} jobs")
            async with Repeats(self._stack, watcher, [], self._random) as repeats:
                await self._under_fire(tenants, watcher, repeats)
                await self._reckon(reference, [tenant.id for tenant in tenants.made], watcher, repeats, cancels)
        self.report.seconds = time.monotonic() - self._begun
        return self.report

    async def _under_fire(self, tenants: Tenants, watcher: Watcher, repeats: Repeats) -> None:
        # While faults come alone there is one tenant only, so that what is measured is not the wait behind others.
        working = [self._renderer(tenants, repeats)]
        repeating_stops = asyncio.Event()
        repeating = asyncio.create_task(repeats.run(repeating_stops))
        faults = Faults(self._stack, watcher, self._random)
        await self._faults_alone(faults, watcher)
        working += [self._renderer(tenants, repeats) for _ in range(self._renderers - 1)]
        await self._all_faults(faults, watcher)
        self._say("the last fault")
        await faults.settle()
        self._stop.set()
        await until_ended(working, FILMS_WITHIN + 30, self.report.violations, "a tenant")
        await asyncio.sleep(1.0)  # reports that are late on purpose
        repeating_stops.set()
        await repeating

    def _renderer(self, tenants: Tenants, repeats: Repeats) -> asyncio.Task[None]:
        kept = keep_rendering(tenants, self._cinema, self._stop, self._made, self.report.violations, repeats.now)
        return asyncio.create_task(kept)

    async def _faults_alone(self, faults: Faults, watcher: Watcher) -> None:
        for kind in [kind for _ in range(self._alone) for kind in MEASURED]:
            await self._peace(faults, watcher)
            if self._enough():
                return
            await self._fault(faults, kind)
        if self._alone:
            await self._peace(faults, watcher)

    async def _all_faults(self, faults: Faults, watcher: Watcher) -> None:
        due = sorted(WEIGHTS, key=lambda kind: kind not in LASTING)  # of each kind at least one, the longest first
        while not self._enough():
            await self._pause(watcher)
            kind = due[0] if due else self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            if await self._fault(faults, kind) and due:
                due.pop(0)

    async def _pause(self, watcher: Watcher) -> None:
        """Wait a moment, and until something was reported: on a slow machine faults come more slowly."""
        results, give_up = watcher.results, time.time() + STANDSTILL
        await asyncio.sleep(self._random.uniform(*PAUSE))
        while watcher.results == results and time.time() < give_up:
            await asyncio.sleep(0.02)

    async def _peace(self, faults: Faults, watcher: Watcher) -> None:
        """Wait until no fault lasts and every node has drawn something since."""
        await faults.settle()
        begun = time.time()
        while time.time() < begun + WELL_AGAIN:
            await asyncio.sleep(0.1)
            if all((last := watcher.last.get(node)) and last.at > begun + 1.0 for node in self._stack.node_ids):
                return

    def _enough(self) -> bool:
        return len(self.report.faults) >= self._wanted or time.monotonic() - self._begun > self._limit

    async def _fault(self, faults: Faults, kind: FaultKind) -> Fault | None:
        fault = await faults.make(kind)
        if fault is not None:
            self.report.faults.append(fault)
            if len(self.report.faults) % 25 == 0:
                self._say(f"{len(self.report.faults)} faults, {len(self._made)} exports, {len(self.report.violations)} violations")
        return fault

    def _say(self, text: str) -> None:
        self._notice(f"{text}, {time.monotonic() - self._begun:.0f} s")

    async def _reckon(
        self, reference: Sequence[Made], tenants: Sequence[UUID], watcher: Watcher, repeats: Repeats, cancels: Cancels
    ) -> None:
        conn = await asyncpg.connect(self._stack.servers.pg_admin_dsn)
        await conn.execute("set app.tenants = '*'")
        nc = await connect(self._stack.settings("admin"), "chaos", within=10)
        servers = self._stack.servers
        under_fire = [tenant for tenant in tenants if tenant != reference[0].tenant]
        try:
            async with ObjectStore(servers.s3_url, BUCKET, servers.s3_access_key, servers.s3_secret_key) as store:
                checks = FarmChecks(conn, nc, store, under_fire, self._since)
                everybody, standing = FarmChecks(conn, nc, store, tenants, self._since), Standing(self._stack.settings(CHECK))
                steps = (
                    checks.settled,
                    checks.log,
                    everybody.quarantine,
                    checks.stale,
                    lambda: checks.repeated(repeats.sent),
                    checks.segments,
                    checks.objects,
                    lambda: everybody.packets([*reference, *self._made], reference),
                    lambda: checks.cancelled(tenants, cancels.jobs),
                    lambda: checks.replay(servers.pg_admin_dsn),
                    standing.end,
                )
                await guarded(checks, *steps)
        finally:
            await nc.close()
            await conn.close()
        checks.leases.reckon(self.report.faults, watcher)
        self.report.cancels = cancels.seconds
        self.report.repeats = {kind: dict(outcomes) for kind, outcomes in checks.repeats.items()}
        self.report.violations += [*cancels.violations, *checks.violations, *everybody.violations, *standing.violations]
        self.report.figures = checks.figures | everybody.figures


async def farm_chaos(folder: Path, faults: int, alone: int, seed: int, seconds: float, notice: Notice) -> FarmReport:
    """A run on a stack of its own in `folder`."""
    cancels = min(10, 1 + faults // 20)
    async with FarmStack(folder / "farm", nodes=NODES) as stack:
        notice(f"the stack runs in {stack.data}")
        run = FarmChaos(stack, folder / "films", faults=faults, alone=alone, cancels=cancels, seed=seed, seconds=seconds, notice=notice)
        return await run.run()
