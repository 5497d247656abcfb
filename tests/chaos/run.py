"""`flatrender chaos`: stacks of its own, renders and commands in flight, kills and faults at random, and then the reckoning."""

import argparse
import asyncio
import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec

from adapters.nats import connect
from adapters.object_store import ObjectStore
from deploy.local.stack import BUCKET, CHECK, Stack
from tests.chaos.checks import Checks, guarded
from tests.chaos.effects.part import EffectsReport, effects_chaos
from tests.chaos.farm import farm_chaos
from tests.chaos.farm_report import FarmReport
from tests.chaos.feed import Feed
from tests.chaos.films import DONE_WITHIN, Cinema, Made, build
from tests.chaos.mischief import MISCHIEF, Mischief
from tests.chaos.renderers import keep_rendering, until_ended
from tests.chaos.report import LEASE, Kill, Report
from tests.chaos.standing import Standing
from tests.chaos.tenants import Tenants
from tests.chaos.traffic import Traffic
from tests.chaos.twin_stack import TwinStack, urls
from tests.chaos.victims import GIVE_UP, PAUSE, WEIGHTS, Recovered, Victims

PARTS = ("all", "farm", "effects")
CLIENTS, RENDERERS = 3, 2  # who send commands, and who render, at the same time
BURSTS = 0.4  # share of kills that do not wait for the recovery of the one before
SLOWEST = 2.5 * LEASE  # seconds: a single recovery over this is a violation even on a machine that is short of processors

Notice = Callable[[str], None]


class Chaos:
    """One run against a running stack; use `await Chaos(stack, folder, ...).run()`."""

    def __init__(
        self, stack: Stack, folder: Path, *, kills: int, seed: int, seconds: float = 3600.0, slowest: float = GIVE_UP,
        only: Sequence[str] = (), notice: Notice = lambda text: None,
    ) -> None:  # fmt: skip
        """A recovery that takes longer than `slowest` seconds is a violation; after `seconds` nothing more is killed.

        `only` names the kinds of victims and mischief, where it shall not be all.
        """
        self._stack, self._notice, self._limit, self._slowest = stack, notice, seconds, slowest
        self._wanted = kills
        self._kinds = {name: weight for name, weight in (WEIGHTS | MISCHIEF).items() if name in (only or WEIGHTS | MISCHIEF)}
        self._random = random.Random(seed)
        self._cinema = Cinema(stack.url, build(folder))
        self._made: list[Made] = []
        self._stop = asyncio.Event()
        self.report = Report(seed=seed)

    async def run(self) -> Report:
        """All of it; the report's `violations` are empty when every promise held."""
        begun, self._since = time.monotonic(), datetime.now(UTC)
        async with Tenants(self._stack) as tenants:
            first = await tenants.new("without faults")
            reference = await self._cinema.show(first)
            self._notice(
                f"reference: {len(reference)} films, {sum(one.frames for one in reference)} frames, {time.monotonic() - begun:.1f} s"
            )
            project = await self._cinema.project(first)
            clients = [Traffic(urls(self._stack), first, project, self._random.randrange(2**32)) for _ in range(CLIENTS)]
            victims = Victims(self._stack, first.api_key, self._random)
            feed = Feed(urls(self._stack), first)
            standing = Standing(self._stack.settings(CHECK))
            beside = [asyncio.create_task(feed.run()), asyncio.create_task(standing.run())]
            renderers = (keep_rendering(tenants, self._cinema, self._stop, self._made, self.report.violations) for _ in range(RENDERERS))
            working = [asyncio.create_task(renderer) for renderer in renderers]
            working += [asyncio.create_task(client.run(self._stop)) for client in clients]
            async with Mischief(self._stack, first, project, victims.pulse, self._random) as mischief:
                await self._kill_all(victims, mischief, begun)
                self._notice(f"the last fault was at {time.monotonic() - begun:.0f} s")
                await victims.settle()
                await mischief.settle()
                self._stop.set()
                await until_ended(working, DONE_WITHIN + 30, self.report.violations, "a client")
                await self._reckon(clients, mischief, feed, standing, reference, [tenant.id for tenant in tenants.made])
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        self.report.seconds = time.monotonic() - begun
        return self.report

    async def _kill_all(self, victims: Victims, mischief: Mischief, begun: float) -> None:
        names, weights = list(self._kinds), list(self._kinds.values())
        due = [name for name in names if name in MISCHIEF]  # each kind of mischief once, whatever chance says
        while len(self.report.kills) < self._wanted and time.monotonic() - begun < self._limit:
            victim = due[0] if due else self._random.choices(names, weights)[0]
            alone = self._random.random() > BURSTS
            await asyncio.sleep(self._random.uniform(0.1, 0.8))
            before = time.monotonic()
            recovered = await (mischief.make(victim) if victim in MISCHIEF else victims.kill(victim))
            if recovered is None:
                continue
            if due:
                due.pop(0)
            kill = Kill(victim=victim, at=round(before - begun, 2), alone=alone)
            self.report.kills.append(kill)
            if alone:
                await self._measure(kill, recovered, before + (PAUSE if victim == "node paused" else 0.0))
            if len(self.report.kills) % 10 == 0:
                so_far = f"{len(self._made)} exports, {len(self.report.violations)} violations"
                self._notice(f"{len(self.report.kills)} kills, {so_far}, {time.monotonic() - begun:.0f} s")

    async def _measure(self, kill: Kill, recovered: Recovered, before: float) -> None:
        try:
            await asyncio.wait_for(recovered(), GIVE_UP)
        except TimeoutError:
            self.report.violations.append(
                f"I9: {GIVE_UP:.0f} s after the kill of {kill.victim} at {kill.at:.0f} s the product had not recovered"
            )
            return
        kill.seconds = round(time.monotonic() - before, 2)
        # After a burst the kill was not alone; only what a clean state came before is held to the lease.
        kills = self.report.kills
        clean = len(kills) < 2 or kills[-2].alone
        if clean and kill.seconds > self._slowest:
            self.report.violations.append(f"I9: recovery from the kill of {kill.victim} at {kill.at:.0f} s took {kill.seconds:.1f} s")
        if kill.seconds > LEASE:
            self._notice(f"slow: {kill}")

    async def _reckon(
        self, clients: Sequence[Traffic], mischief: Mischief, feed: Feed, standing: Standing, reference: Sequence[Made],
        tenants: Sequence[UUID],
    ) -> None:  # fmt: skip
        conn = await asyncpg.connect(self._stack.servers.pg_admin_dsn)
        await conn.execute("set app.tenants = '*'")
        nc = await connect(self._stack.settings("admin"), "chaos", within=10)
        servers = self._stack.servers
        try:
            async with ObjectStore(servers.s3_url, BUCKET, servers.s3_access_key, servers.s3_secret_key) as store:
                checks = Checks(conn, nc, store, tenants, self._since, liars=[mischief.forger.rogue.id])
                accepted = [one for client in (*clients, mischief.keys) for one in client.accepted]
                steps = (
                    checks.settled,
                    lambda: checks.commands(accepted),
                    checks.log,
                    lambda: checks.feed(feed),
                    checks.quarantine,
                    lambda: checks.replay(servers.pg_admin_dsn),
                    lambda: checks.films(self._made, reference),
                    checks.segments,
                    checks.objects,
                    standing.end,
                )
                await guarded(checks, *steps)
        finally:
            await nc.close()
            await conn.close()
        self.report.violations += [*(text for client in clients for text in client.refused), *mischief.keys.violations, *checks.violations]
        self.report.violations += standing.violations
        self.report.figures = checks.figures | {"uploads sent again": self._cinema.uploads_repeated} | mischief.figures | standing.figures
        self.report.tries = dict(sum((client.tries for client in clients), Counter()))


async def chaos(folder: Path, kills: int, seed: int, seconds: float, only: Sequence[str], notice: Notice) -> Report:
    """A run on a stack of its own in `folder`."""
    async with TwinStack(folder / "data", nodes=2) as stack:
        notice(f"the stack runs in {stack.data}")
        run = Chaos(stack, folder / "films", kills=kills, seed=seed, seconds=seconds, slowest=SLOWEST, only=only, notice=notice)
        return await run.run()


def parser() -> argparse.ArgumentParser:
    """What can be chosen."""
    made = argparse.ArgumentParser(prog="flatrender chaos", description="Kill and disturb the product while films render, then check all.")
    made.add_argument(
        "--part",
        choices=PARTS,
        help="all: any process of a whole stack is killed; farm: faults of nodes only; effects: who touches the world fails; without: each",
    )
    made.add_argument("--kills", type=int, default=200, help="how many faults the part all makes: kills and mischief (200)")
    made.add_argument(
        "--only", action="append", default=[], choices=[*WEIGHTS, *MISCHIEF], help="a kind of fault of the part all; may be repeated"
    )
    made.add_argument("--faults", type=int, default=1000, help="how many faults the part farm makes (1000)")
    made.add_argument("--failures", type=int, default=60, help="how many faults the part effects makes (60)")
    made.add_argument("--alone", type=int, default=3, help="of each kind so many come alone, so that recovery is measured undisturbed (3)")
    made.add_argument("--seed", type=int, default=None, help="the same seed chooses the same victims (but not the same moments)")
    made.add_argument("--seconds", type=float, default=3600.0, help="stop killing after so long, in each part")
    made.add_argument("--report", type=Path, help="write the reports here as JSON, by part")
    made.add_argument("--data", type=Path, help="the stacks' folder, which stays; without it a temporary one is removed")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print the tables; 1 when a promise was broken."""
    options = parser().parse_args(argv)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**31)

    logging.getLogger("adapters").setLevel(logging.ERROR)  # that NATS goes away and comes back is what this is for

    def notice(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    reports: dict[str, Report | FarmReport | EffectsReport] = {}
    with tempfile.TemporaryDirectory(prefix="flatrender-chaos-") as temporary:
        folder = options.data or Path(temporary)
        for part in [options.part] if options.part else PARTS:
            notice(f"part {part}, seed {seed}")
            if part == "all":
                reports[part] = asyncio.run(chaos(folder, options.kills, seed, options.seconds, options.only, notice))
            elif part == "effects":
                reports[part] = asyncio.run(effects_chaos(folder, options.failures, seed, options.seconds, notice))
            else:
                reports[part] = asyncio.run(farm_chaos(folder, options.faults, options.alone, seed, options.seconds, notice))
            print(reports[part].table(), flush=True)
    if options.report:
        options.report.write_text(json.dumps(msgspec.to_builtins(reports), indent=1) + "\n")
    return 1 if any(report.violations for report in reports.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
