"""How much work one part holds: some seconds, by what was measured, and less towards a job's end."""

import math
from collections import OrderedDict

from consumers.render.scheduling.farm.states import JobState

PART_SECONDS = 8.0  # how long a part should take; with segments of up to 3 s it takes 5 to 20
MOST_SEGMENTS = 400  # in one part: a manifest and a lease stay small
GUESS = 1 / 15  # seconds for a frame while nothing at all was measured
WEIGHT, WEIGHT_OF_ALL = 0.3, 0.02  # of the newest measurement, in a template's average and in that of all
TEMPLATES = 1000  # that are remembered


class Speeds:
    """Seconds for a frame, by job and by template; a template that nobody has measured is taken for an average one."""

    def __init__(self) -> None:
        self._of_template: OrderedDict[str, float] = OrderedDict()
        self._of_all = 0.0  # 0 = nothing was measured

    def of(self, job: JobState) -> float:
        """What a frame of this job takes, as far as is known."""
        if job.speed:
            return job.speed
        known = self._known(job)
        return sum(known) / len(known) if known else self._of_all or GUESS

    def is_guess(self, job: JobState) -> bool:
        """Whether nothing like this job was measured yet."""
        return not job.speed and not self._known(job)

    def _known(self, job: JobState) -> list[float]:
        return [self._of_template[bundle] for bundle in job.bundles if bundle in self._of_template]

    def measured(self, job: JobState, frames: int, seconds: float) -> None:
        """A segment of this job took so long."""
        if frames <= 0 or seconds <= 0:
            return
        measured = seconds / frames
        job.speed = job.speed + WEIGHT * (measured - job.speed) if job.speed else measured
        self._of_all = self._of_all + WEIGHT_OF_ALL * (measured - self._of_all) if self._of_all else measured
        for bundle in job.bundles:
            self._of_template[bundle] = job.speed
            self._of_template.move_to_end(bundle)
        while len(self._of_template) > TEMPLATES:
            self._of_template.popitem(last=False)


def segments_at_once(job: JobState, seconds_of_segment: float, slots: int, *, guess: bool = False) -> int:
    """Segments of the next part, `slots` being those that can draw this job.

    One while its speed is a guess: a wrong one would keep every slot that comes free for several segments, and whoever comes then waits.
    """
    if guess:
        return 1
    left = len(job.waiting)
    share = math.ceil(left / slots) if left <= 2 * slots else math.ceil(left / (2 * slots))
    return max(1, min(MOST_SEGMENTS, round(PART_SECONDS / max(seconds_of_segment, 0.001)), share))
