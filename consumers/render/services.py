"""What runs beside the render domain: the farm's scheduler with what it hears, the scrubber, and who lets nodes in."""

from consumers.render.farm import Farm
from consumers.render.floods import Floods
from consumers.render.health import Health
from consumers.render.hearing import hear
from consumers.render.progress import Progress
from consumers.render.rebuild import rebuild
from consumers.render.scheduler import Scheduler
from consumers.render.scrubber import Scrubber
from consumers.runtime.beside import Beside
from consumers.runtime.connection import POOL_WAIT
from consumers.runtime.services import Service


async def schedule(beside: Beside) -> None:
    """The scheduler, and beside it what else follows the runtime and hears the nodes: progress, floods of reports, nodes' health."""

    async def load(now: float) -> Farm:
        async with beside.pool.acquire(timeout=POOL_WAIT) as conn:
            return await rebuild(conn, now)

    runtime = beside.runtime
    scheduler, progress = Scheduler(runtime, beside.publisher, load), Progress(beside.nc)
    floods = Floods(runtime.submit)
    runtime.admits = floods.admits
    runtime.observers += [progress.observe, floods.observe]
    health = Health(beside.pool, runtime.leading, beside.retention.make_room, every=beside.settings.health_seconds)
    await hear(beside.nc, scheduler, progress, health)
    beside.run("scheduler", scheduler.run())
    beside.run("progress", progress.run())
    beside.run("health", health.run())


async def scrub(beside: Beside) -> None:
    """Reads stored objects again, at the rate that the settings give."""
    if (rate := beside.settings.scrub_rate) > 0:
        every, leading = beside.settings.scrub_every, beside.runtime.leading
        scrubber = Scrubber(beside.pool, beside.objects, beside.publisher.publish, leading, rate=rate, every=every)
        beside.run("scrubber", scrubber.run())


async def let_nodes_in(beside: Beside) -> None:
    """In every process, whether it leads or not, as logins wait for no leader; only where the process has the server's key."""
    if seed := beside.settings.nats_issuer.get_secret_value():
        from adapters.nats.callout import Issuer  # with its cryptography, which no other process of a domain has to load
        from consumers.render.gate import Gate

        nc, system = await beside.login("gate"), await beside.login("system")
        beside.run("gate", Gate(nc, system, beside.pool, Issuer(seed)).run())


SERVICES = (
    Service(name="scheduler", start=schedule, asks=(Scheduler, Floods)),
    Service(name="scrubber", start=scrub, asks=(Scrubber,)),
    Service(name="gate", start=let_nodes_in),
)
