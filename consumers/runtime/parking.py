"""Types of commands that fail by our own fault: given back with a growing delay, while all others go on."""

import logging
import time

import msgspec

log = logging.getLogger(__name__)
FIRST, LONGEST = 1.0, 60.0  # seconds until a parked type is tried again


class _Place(msgspec.Struct):
    why: str
    delay: float
    until: float


class Parking:
    """Which types are parked. A parked type is tried by one command at a time; when that is done, the type is free."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, type: str) -> bool:
        return type in self._places

    def park(self, type: str, why: str) -> float:
        """Its commands fail; answers the seconds until one is tried again."""
        known = self._places.get(type)
        delay = FIRST if known is None else min(LONGEST, known.delay * 2)
        self._places[type] = _Place(why, delay, time.monotonic() + delay)
        if known is None or known.why != why:
            log.error("ALARM: commands %s are parked, for they fail by no fault of their own: %s", type, why)
        return delay

    def wait(self, type: str) -> float:
        """Seconds until a command of this type may be tried: 0 for one of a type that is not parked, and for the one whose turn it is."""
        left = self.left(type)
        if left > 0:
            return left
        if (place := self._places.get(type)) is not None:
            place.until = time.monotonic() + place.delay  # the others wait for what becomes of this one
        return 0.0

    def left(self, type: str) -> float:
        """Seconds until the next command of this type may be tried, without taking its turn."""
        place = self._places.get(type)
        return 0.0 if place is None else max(0.0, place.until - time.monotonic())

    def free(self, type: str) -> None:
        """One of its commands was carried out."""
        if self._places.pop(type, None) is not None:
            log.warning("commands %s work again", type)
