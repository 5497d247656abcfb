"""The standing check beside the faults, again and again, and once more at the end: it finds nothing, as nothing is wrong."""

import asyncio

import msgspec

from adapters.settings import Settings
from deploy.check.bounds import Bounds
from deploy.check.differences import Report
from deploy.check.fast import NotLooked, check, place
from deploy.check.full import MOST

PAUSE = 2.0  # seconds between two looks
AT_THE_END = msgspec.structs.replace(Bounds(young=0.0), whole=True, **MOST)
"""All but the replay, which is made beside it; every object is read, as nothing is on its way any more."""


class Standing:
    """`violations` are the differences that it told of; `settings` are those of the check's own roles."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.looked = self.could_not = 0
        self.violations: list[str] = []

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look(Bounds(), "beside the faults")
            await asyncio.sleep(PAUSE)

    async def look(self, bounds: Bounds, when: str) -> Report | None:
        """Look once; None where it could not, which a fault may be the reason of."""
        try:
            async with place(self._settings) as at:
                report = await check(at, bounds=bounds)
        except NotLooked:
            self.could_not += 1
            return None
        self.looked += 1
        self.violations += [f"the check {when}: {one}" for one in report.differences]
        self.violations += [f"the check {when} is not sure of {row}" for row in report.unsure]
        return report

    async def end(self) -> None:
        """Everything, once all has settled."""
        if await self.look(AT_THE_END, "at the end") is None:
            self.violations.append("the check at the end could not look")

    @property
    def figures(self) -> dict[str, int]:
        """How often it looked, and how often something was away."""
        return {"checks beside the faults": self.looked, "checks that could not look": self.could_not}
