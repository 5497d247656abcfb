"""Recurring moments: a rule in RFC 5545's words and a zone give one moment after another, each out of the rule, never out of the present.

A rule speaks of the clock on the wall of its zone. A local time that does not exist (clocks go forward) stands for the first that does; one
that exists twice (clocks go back) happens once, the first time. Occurrences that fall onto one moment thereby are one. What shall happen
each hour that passes, whatever the clocks on the wall do, has the zone UTC.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
from dateutil.rrule import rrule, rrulestr

Missed = Literal["one", "each", "none"]
LATE = timedelta(minutes=1)  # after its moment, from when on an occurrence that nobody has published counts as missed
MOST_COUNT, MOST_INTERVAL, MOST_A_DAY, LONGEST = 1000, 10_000, 1440, 500  # occurrences, units, times, characters
# What is added to a local time any number of times without changing what a rule makes of it; months and years are few enough to count.
_UNITS = {"MINUTELY": timedelta(minutes=1), "HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1), "WEEKLY": timedelta(weeks=1)}
_LONG = ("YEARLY", "MONTHLY")
_NUMBERS = {  # which numbers a part may have, and whether also from the end
    "BYMONTH": (1, 12, False),
    "BYMONTHDAY": (1, 31, True),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSECOND": (0, 59, False),
    "BYSETPOS": (1, 31, True),
}
_DAY = re.compile(r"([+-]?[1-9]\d?)?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"\d{8}T\d{6}Z")
# Of other parts none may stand beside a unit that is so short that a rule which never comes true is followed for seconds.
_OF_SHORT = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND"}


class BadRule(ValueError):
    """The rule or the zone cannot be followed; the text says why and is fit for who wrote it."""


class Recurrence(msgspec.Struct, frozen=True):
    """When something happens again and again."""

    rule: str  # RFC 5545's RRULE without its name: FREQ=MONTHLY;BYMONTHDAY=1;BYHOUR=3
    zone: str  # IANA's name of a time zone, e.g. Europe/Berlin
    missed: Missed  # what becomes of occurrences that passed while nobody led: one command for all of them, each its own, none
    begins: datetime  # RFC 5545's DTSTART: hours, minutes and days that the rule does not name are this moment's

    def first(self) -> datetime | None:
        """The first occurrence, at the earliest the beginning itself. Raises BadRule."""
        return self.after(self.begins.replace(microsecond=0) - timedelta(microseconds=1))

    def after(self, moment: datetime) -> datetime | None:
        """The first occurrence after a moment; None when the rule has ended. Raises BadRule."""
        parts, zone = _parsed(self.rule), _zone(self.zone)
        until = _until(parts)
        for local in _locals(parts, self._begins(zone), moment.astimezone(zone).replace(tzinfo=None)):
            at = _instant(local, zone)
            if until is not None and at > until:
                return None
            if at > moment:
                return at
        return None

    def following(self, moment: datetime, now: datetime) -> datetime | None:
        """The occurrence after one that is decided now: which have been missed meanwhile, if they do not count, are passed over.

        The present only chooses among the rule's occurrences. Raises BadRule.
        """
        following = self.after(moment)
        if self.missed == "each" or following is None:
            return following
        passed = now if self.missed == "one" else now - LATE
        return following if following > passed else self.after(passed)

    def _begins(self, zone: ZoneInfo) -> datetime:
        return self.begins.astimezone(zone).replace(tzinfo=None, microsecond=0)


def recurrence(rule: str, zone: str, missed: Missed, *, begins: datetime | None, now: datetime) -> Recurrence:
    """A recurrence that is known to have an occurrence. Raises BadRule.

    Without a beginning it counts from midnight before `now`, on the wall of its zone, and whole minutes; then it may have no COUNT.
    """
    parts = _parsed(rule)
    if begins is None:
        if "COUNT" in parts:
            raise BadRule("a rule with COUNT needs a beginning from which to count")
        begins = _instant(now.astimezone(_zone(zone)).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0), _zone(zone))
    found = Recurrence(rule, zone, missed, begins)
    try:
        first = found.first()
    except OverflowError as error:
        raise BadRule("a rule begins within the years 2 to 9998") from error
    if first is None:
        raise BadRule("the rule has no occurrence")
    return found


def problem_with(rule: str, zone: str, *, begins: datetime) -> str:
    """What is wrong with a rule that a person gives, for a refusal; empty for one that can be followed."""
    try:
        recurrence(rule, zone, "each", begins=begins, now=begins)
    except BadRule as error:
        return str(error)
    return ""


def _instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the wall clock shows this: of two the first, and of none the first after which it shows something later."""
    at = local.replace(tzinfo=zone).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == local:
        return at
    # Read by the offset after the change, it comes before the change; by the one before, after it.
    before, after = local.replace(tzinfo=zone, fold=1).astimezone(UTC), at
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).replace(tzinfo=None) < local:
            before = middle
        else:
            after = middle
    return after


def _locals(parts: dict[str, str], begins: datetime, after: datetime) -> Iterator[datetime]:
    """The rule's local times after one."""
    interval = int(parts.get("INTERVAL", "1"))
    unit = _UNITS.get(parts["FREQ"])
    if unit is not None and "COUNT" not in parts and after > begins:
        # A rule is counted from its beginning; whole intervals later it gives the same, and there is less to be counted.
        step = unit * interval
        begins += step * max(0, (after - begins) // step - 2)
    text = ";".join(f"{name}={value}" for name, value in parts.items() if name != "UNTIL")
    try:
        rule: rrule = rrulestr(text, dtstart=begins)  # type: ignore[assignment]
        yield from rule.xafter(after)
    except (ValueError, OverflowError, IndexError) as error:
        raise BadRule(f"the rule cannot be followed: {error}") from error


def _until(parts: dict[str, str]) -> datetime | None:
    return datetime.strptime(parts["UNTIL"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if "UNTIL" in parts else None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; no name at all; a folder
        raise BadRule(f"{name[:60]!r} is no time zone; one is written like Europe/Berlin") from None


@lru_cache(1000)
def _parsed(rule: str) -> dict[str, str]:
    """The parts of a rule that can be followed in little time. Raises BadRule."""
    if len(rule) > LONGEST:
        raise BadRule(f"a rule has at most {LONGEST} characters")
    parts: dict[str, str] = {}
    for part in rule.upper().split(";"):
        name, _, value = part.partition("=")
        if not value or name in parts:
            raise BadRule(f"{part[:60]!r} is no part of a rule, or there twice; one is written like FREQ=DAILY;BYHOUR=9")
        parts[name] = value
    if parts.get("FREQ") not in (*_LONG, *_UNITS):
        raise BadRule(f"a rule has FREQ, one of {', '.join((*_LONG, *reversed(_UNITS)))}")
    for name, value in parts.items():
        if (wrong := _wrong(name, value)) is not None:
            raise BadRule(f"{name}={value[:60]}: {wrong}")
    _check_together(parts)
    return parts


def _wrong(name: str, value: str) -> str | None:
    """What is wrong with one part by itself."""
    if name in _NUMBERS:
        least, most, signed = _NUMBERS[name]
        numbers = [re.fullmatch(r"([+-]?)(\d{1,3})", one, re.ASCII) for one in value.split(",")]
        fits = all(found and least <= int(found[2]) <= most and (signed or not found[1]) for found in numbers)
        return None if fits else f"numbers from {least} to {most}{', also from the end (-1)' if signed else ''}, with commas"
    if name in ("INTERVAL", "COUNT"):
        most = MOST_INTERVAL if name == "INTERVAL" else MOST_COUNT
        return None if re.fullmatch(r"\d{1,5}", value, re.ASCII) and 1 <= int(value) <= most else f"a number from 1 to {most}"
    if name == "BYDAY":
        return None if all(_DAY.fullmatch(one) for one in value.split(",")) else "days like MO,TU or -1FR"
    if name == "WKST":
        return None if value in ("MO", "TU", "WE", "TH", "FR", "SA", "SU") else "a day like MO"
    if name == "UNTIL":
        return None if _is_moment(value) else "a moment in UTC like 20301231T235959Z"
    return None if name == "FREQ" else "there is no such part"


def _is_moment(value: str) -> bool:
    try:
        return bool(_UNTIL.fullmatch(value) and datetime.strptime(value, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return False


def _check_together(parts: dict[str, str]) -> None:
    """Refuse parts that RFC 5545 does not let stand together, and what would take long to be followed."""
    frequency, names = parts["FREQ"], set(parts)
    if {"COUNT", "UNTIL"} <= names:
        raise BadRule("COUNT and UNTIL exclude each other")
    if frequency != "YEARLY" and (more := {"BYWEEKNO", "BYYEARDAY"} & names):
        raise BadRule(f"{frequency} cannot have {', '.join(sorted(more))}")
    if frequency not in _LONG:
        _check_short(parts)
    elif (most := _highest_day(parts)) > (weeks := 5 if frequency == "MONTHLY" or "BYMONTH" in parts else 53):
        raise BadRule(f"BYDAY has a day's number {most}, and there are {weeks} at most")
    times = [len(set(parts.get(name, "0").split(","))) for name in ("BYHOUR", "BYMINUTE", "BYSECOND")]
    if times[2] > 1 or times[0] * times[1] > MOST_A_DAY:
        raise BadRule(f"a rule has at most {MOST_A_DAY} times a day, all of one second")
    if "BYSETPOS" in parts and (times[0] * times[1] > 1 or not names & {"BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY"}):
        raise BadRule("BYSETPOS chooses among days: name some, and one time a day")


def _highest_day(parts: dict[str, str]) -> int:
    """The highest number of a day in BYDAY, from the beginning or the end: dateutil follows none that is beyond its month or year."""
    return max(map(int, re.findall(r"\d+", parts.get("BYDAY", ""))), default=0)


def _check_short(parts: dict[str, str]) -> None:
    frequency = parts["FREQ"]
    if more := set(parts) - _OF_SHORT:
        raise BadRule(f"{frequency} cannot have {', '.join(sorted(more))}; MONTHLY and YEARLY can")
    if re.search(r"\d", parts.get("BYDAY", "")):
        raise BadRule(f"{frequency} cannot have numbered days in BYDAY")
    if frequency != "WEEKLY" and "BYDAY" in parts and int(parts.get("INTERVAL", "1")) % 7 == 0:
        raise BadRule("with an INTERVAL of whole sevens some days may never come; leave BYDAY out, or take WEEKLY")
