"""What runs beside the render domain: the farm's scheduler with what it hears, the scrubber, and who lets nodes in.

Their modules are loaded where they are started: who only asks what the domain is (replay, the check, the references) does without.
"""

from typing import TYPE_CHECKING

from consumers.runtime.services import Service

if TYPE_CHECKING:
    from consumers.render.scheduling.farm import Farm
    from consumers.runtime.beside import Beside


async def schedule(beside: "Beside") -> None:
    """The scheduler, and beside it what else follows the runtime and hears the nodes: progress, floods of reports, nodes' health."""
    from consumers.render.jobs.progress import Progress
    from consumers.render.nodes.health import Health
    from consumers.render.nodes.report_rate_limit import ReportRateLimit
    from consumers.render.scheduling.rebuild import rebuild
    from consumers.render.scheduling.scheduler import Scheduler
    from consumers.render.scheduling.tick_listener import listen
    from consumers.runtime.connection import POOL_WAIT

    async def load(now: float) -> "Farm":
        async with beside.pool.acquire(timeout=POOL_WAIT) as conn:
            return await rebuild(conn, now)

    runtime = beside.runtime
    scheduler, progress = Scheduler(runtime, beside.publisher, load), Progress(beside.nc)
    limit = ReportRateLimit(runtime.submit)
    runtime.admits = limit.admits
    runtime.observers += [progress.observe, limit.observe]
    health = Health(beside.pool, runtime.leading, beside.retention.make_room, every=beside.settings.health_seconds)
    await listen(beside.nc, scheduler, progress, health)
    beside.run("scheduler", scheduler.run())
    beside.run("progress", progress.run())
    beside.run("health", health.run())


async def scrub(beside: "Beside") -> None:
    """Reads stored objects again, at the rate that the settings give."""
    from consumers.render.scrubber import Scrubber

    if (rate := beside.settings.scrub_rate) > 0:
        every, leading = beside.settings.scrub_every, beside.runtime.leading
        scrubber = Scrubber(beside.pool, beside.objects, beside.publisher.publish, leading, rate=rate, every=every)
        beside.run("scrubber", scrubber.run())


async def let_nodes_in(beside: "Beside") -> None:
    """In every process, whether it leads or not, as logins wait for no leader; only where the process has the server's key."""
    from adapters.nats.callout import Issuer
    from consumers.render.node_auth import NodeAuth

    if seed := beside.settings.nats_issuer.get_secret_value():
        nc, system = await beside.login("gate"), await beside.login("system")
        beside.run("node auth", NodeAuth(nc, system, beside.pool, Issuer(seed)).run())


SERVICES = (
    Service(name="scheduler", start=schedule),
    Service(name="scrubber", start=scrub),
    Service(name="node_auth", start=let_nodes_in),
)
