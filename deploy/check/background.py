"""The background form: a process of its own that looks now and then, at the lowest priority, and sounds an alarm."""

import asyncio
import logging
import os
import random

from adapters.life import shown
from adapters.settings import Settings

log = logging.getLogger(__name__)
NICE = 19  # whoever works goes first
LONGEST_PAUSE = 3600.0  # seconds between two runs, however long one takes
SHARE = 50  # a run of one second is followed by a pause of at least so many


async def stand(settings: Settings) -> None:
    """Check for ever, one run each `check_every` seconds at the most."""
    async with shown(settings.alive):
        pause = settings.check_every
        while True:
            # Also before the first run: while everything starts nobody has a processor to spare. And not all installations at once.
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads runs, decides nothing
            pause = min(LONGEST_PAUSE, max(settings.check_every, SHARE * await once(settings)))


async def once(settings: Settings) -> float:
    """One run; answers the seconds that it worked. What keeps it from looking is logged, and tried again at the next."""
    from deploy.check.bounds import Bounds
    from deploy.check.fast import NotLooked, check, place

    bounds = Bounds()
    try:
        async with place(settings) as at:
            report = await check(at, bounds=bounds)
    except NotLooked as error:
        log.warning("the check could not look: %s", error)
        return 0.0
    counts = report.counts
    log.info(
        "looked at %d events, %d messages, %d rows, %d commands, %d objects in %.1f s: %d differences",
        counts.events, counts.messages, counts.rows, counts.commands, counts.objects, report.seconds, len(report.differences),
    )  # fmt: skip
    if report.skipped:
        log.warning("%d positions were too many for one look; `flatrender check --full` looks at them", report.skipped)
    for row in report.unsure:
        log.warning("%s looks wrong, and its history is too long to be sure: `flatrender check --full`", row)
    return report.seconds - (bounds.apart if report.differences else 0.0)


def run(settings: Settings) -> None:
    """Check in this process until it is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.nice(NICE)
    asyncio.run(stand(settings))
