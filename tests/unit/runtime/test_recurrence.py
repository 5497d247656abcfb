"""Recurring moments: each equals what one finds who looks at the wall clock minute by minute."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr

from consumers.runtime.recurrence import LATE, BadRule, Missed, Recurrence, problem_with, recurrence
from tests.support.chance import chance

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MINUTE = timedelta(minutes=1)
# Changes of the clocks, forward and back: by an hour, by half of one, by a whole day, to the south; and a zone without.
CHANGES = [
    ("Europe/Berlin", datetime(2031, 3, 30)),
    ("Europe/Berlin", datetime(2031, 10, 26)),
    ("America/New_York", datetime(2031, 3, 9)),
    ("America/New_York", datetime(2031, 11, 2)),
    ("Australia/Lord_Howe", datetime(2031, 4, 6)),
    ("Australia/Lord_Howe", datetime(2031, 10, 5)),
    ("Pacific/Apia", datetime(2011, 12, 30)),
    ("America/Santiago", datetime(2031, 9, 7)),
    ("Asia/Tehran", datetime(2031, 3, 21)),
]
Rule = tuple[str, Callable[[datetime, datetime], bool]]  # a rule, and whether a local time, counted from a beginning, is one of its own


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def rule_of(random: Random) -> Rule:
    """A rule and what it means, said once more and otherwise."""
    hours, minutes = sorted(random.sample(range(24), 4)), sorted(random.sample(range(60), 2))
    named = f"BYHOUR={','.join(map(str, hours))};BYMINUTE={','.join(map(str, minutes))};BYSECOND=0"
    days = random.sample(range(7), 3)
    every = random.choice((1, 2, 3))

    def at(local: datetime) -> bool:
        return local.hour in hours and local.minute in minutes

    def days_since(local: datetime, begins: datetime) -> int:
        return (local.date() - begins.date()).days

    return random.choice(
        [
            (f"FREQ=DAILY;{named}", lambda local, begins: at(local)),
            (f"FREQ=DAILY;INTERVAL={every};{named}", lambda local, begins: at(local) and days_since(local, begins) % every == 0),
            (
                f"FREQ=WEEKLY;BYDAY={','.join(DAYS[day] for day in days)};{named}",
                lambda local, begins: at(local) and local.weekday() in days,
            ),
            (f"FREQ=MONTHLY;BYMONTHDAY=-1,6,26,30;{named}", lambda local, begins: at(local) and _is_among(local)),
            (
                f"FREQ=HOURLY;INTERVAL={every}",
                lambda local, begins: local.minute == begins.minute and (local - begins) // timedelta(hours=1) % every == 0,
            ),
            (f"FREQ=MINUTELY;INTERVAL={10 * every}", lambda local, begins: (local - begins) // MINUTE % (10 * every) == 0),
        ]
    )


def _is_among(local: datetime) -> bool:
    return local.day in (6, 26, 30) or (local + timedelta(days=1)).day == 1


def looked_at(zone: str, around: datetime, mine: Callable[[datetime], bool]) -> list[datetime]:
    """Every moment of a rule within days around a change, by looking at the wall clock each minute, and at each minute of the wall."""
    start = around.replace(tzinfo=UTC) - timedelta(days=3)
    shown = [(at, at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) for at in (start + MINUTE * n for n in range(6 * 24 * 60))]
    found, local = set(), shown[0][1]
    while local < shown[-1][1]:
        if mine(local):
            exact = next((at for at, wall in shown if wall == local), None)
            found.add(exact or next(at for at, wall in shown if wall > local and at > _last_before(shown, local)))
        local += MINUTE
    return sorted(found)


def _last_before(shown: list[tuple[datetime, datetime]], local: datetime) -> datetime:
    """The last moment before the wall clock jumps over a time."""
    return max(at for (at, wall), (_, later) in pairwise(shown) if wall < local < later)


def walked(rule: Recurrence, start: datetime, end: datetime) -> Iterator[datetime]:
    """A rule's moments after one and before another."""
    at = rule.after(start)
    while at is not None and at < end:
        yield at
        at = rule.after(at)


@pytest.mark.parametrize(("zone", "around"), CHANGES, ids=lambda value: str(value)[:19])
@pytest.mark.parametrize("number", range(4))
def test_each_moment_around_a_change_of_the_clocks_is_one_that_the_wall_clock_shows(zone: str, around: datetime, number: int) -> None:
    random = chance(f"recurrence {zone} {around} {number}")
    for _ in range(3):
        text, meant = rule_of(random)
        begins = around.replace(tzinfo=UTC) - timedelta(days=random.choice((4, 30, 400)), minutes=random.randrange(1440))
        rule = recurrence(text, zone, "each", begins=begins, now=begins)
        local = begins.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        wanted = looked_at(zone, around, lambda at, meant=meant, local=local: meant(at, local))  # type: ignore[misc]
        start, end = around.replace(tzinfo=UTC) - timedelta(days=3), around.replace(tzinfo=UTC) + timedelta(days=2)
        found = list(walked(rule, start - timedelta(seconds=1), end))
        assert found == [at for at in wanted if at < end], f"{text} of {begins} in {zone}"


@pytest.mark.parametrize("number", range(20))
def test_the_next_moment_depends_on_the_moment_alone_and_is_always_later(number: int) -> None:
    random = chance(f"any moment {number}")
    zone, around = random.choice(CHANGES)
    begins = around.replace(tzinfo=UTC) - timedelta(days=random.randrange(1, 3000), seconds=random.randrange(86400))
    text, _ = rule_of(random)
    rule = recurrence(text, zone, "each", begins=begins, now=begins)
    for _ in range(30):
        moment = around.replace(tzinfo=UTC) + timedelta(seconds=random.randrange(-400_000, 400_000), microseconds=random.randrange(10**6))
        following = rule.after(moment)
        assert following is not None and following > moment
        assert rule.after(following - timedelta(microseconds=1)) == following
        between = moment + (following - moment) * random.random()
        assert rule.after(min(between, following - timedelta(microseconds=1))) == following


@pytest.mark.parametrize("number", range(20))
def test_counting_from_nearby_gives_what_counting_from_the_beginning_gives(number: int) -> None:
    random = chance(f"nearby {number}")
    begins = utc(2020, 1, 1) + timedelta(seconds=random.randrange(10**8))
    unit, most = random.choice([("MINUTELY", 5000), ("HOURLY", 300), ("DAILY", 40), ("WEEKLY", 9)])
    text = f"FREQ={unit};INTERVAL={random.randrange(1, most)}" + random.choice(["", ";BYMINUTE=7", ";WKST=SU"])
    moment = begins + timedelta(seconds=random.randrange(10**8))
    try:
        whole = rrulestr(text, dtstart=begins.replace(tzinfo=None)).after(moment.replace(tzinfo=None))
    except ValueError:  # the minute is never reached
        with pytest.raises(BadRule):
            Recurrence(text, "UTC", "each", begins).after(moment)
    else:
        assert Recurrence(text, "UTC", "each", begins).after(moment) == whole.replace(tzinfo=UTC)


def test_a_local_time_that_does_not_exist_fires_at_the_first_that_does_and_one_that_exists_twice_fires_once() -> None:
    daily = Recurrence("FREQ=DAILY;BYHOUR=2;BYMINUTE=30;BYSECOND=0", "Europe/Berlin", "each", utc(2031, 1, 1))
    assert list(walked(daily, utc(2031, 3, 29), utc(2031, 4, 1))) == [utc(2031, 3, 29, 1, 30), utc(2031, 3, 30, 1), utc(2031, 3, 31, 0, 30)]
    assert list(walked(daily, utc(2031, 10, 25), utc(2031, 10, 28))) == [
        utc(2031, 10, 25, 0, 30),
        utc(2031, 10, 26, 0, 30),
        utc(2031, 10, 27, 1, 30),
    ]


@pytest.mark.parametrize(
    ("missed", "wanted"),
    [("each", utc(2031, 5, 1, 1)), ("one", utc(2031, 5, 1, 6)), ("none", utc(2031, 5, 1, 6))],
)
def test_what_was_missed_is_passed_over_as_said_and_never_off_the_rule(missed: Missed, wanted: datetime) -> None:
    rule = Recurrence("FREQ=HOURLY", "UTC", missed, utc(2031, 5, 1))
    assert rule.following(utc(2031, 5, 1), utc(2031, 5, 1, 5, 17, 3)) == wanted
    assert rule.following(utc(2031, 5, 1), utc(2031, 5, 1, 0, 0, 1)) == utc(2031, 5, 1, 1)


def test_an_occurrence_that_is_late_by_less_than_a_minute_was_not_missed() -> None:
    rule = Recurrence("FREQ=HOURLY", "UTC", "none", utc(2031, 5, 1))
    assert rule.following(utc(2031, 5, 1), utc(2031, 5, 1, 3) + LATE / 2) == utc(2031, 5, 1, 3)
    assert rule.following(utc(2031, 5, 1), utc(2031, 5, 1, 3) + LATE * 2) == utc(2031, 5, 1, 4)


def test_a_rule_ends_by_its_count_or_its_last_moment() -> None:
    three = recurrence("FREQ=DAILY;COUNT=3", "Asia/Tehran", "each", begins=utc(2031, 5, 1), now=utc(2031, 5, 1))
    assert list(walked(three, utc(2031, 4, 1), utc(2040, 1, 1))) == [utc(2031, 5, day) for day in (1, 2, 3)]
    until = recurrence("FREQ=DAILY;UNTIL=20310502T000000Z", "Asia/Tehran", "each", begins=utc(2031, 5, 1), now=utc(2031, 5, 1))
    assert list(walked(until, utc(2031, 4, 1), utc(2040, 1, 1))) == [utc(2031, 5, 1), utc(2031, 5, 2)]
    assert three.following(utc(2031, 5, 3), utc(2031, 5, 3)) is None


def test_a_beginning_is_the_first_occurrence_and_without_one_days_count_from_midnight() -> None:
    assert Recurrence("FREQ=DAILY", "UTC", "each", utc(2031, 5, 1, 7, 8, 9)).first() == utc(2031, 5, 1, 7, 8, 9)
    found = recurrence("FREQ=DAILY;BYHOUR=9", "Asia/Tehran", "each", begins=None, now=utc(2031, 5, 1, 7, 8, 9))
    assert found.after(utc(2031, 5, 1, 7, 8, 9)) == utc(2031, 5, 2, 5, 30)


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "x",
        "FREQ=SECONDLY",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=٣",
        "FREQ=DAILY;COUNT=1001",
        "FREQ=DAILY;COUNT=2;UNTIL=20320101T000000Z",
        "FREQ=DAILY;UNTIL=20320101",
        "FREQ=DAILY;UNTIL=20321301T000000Z",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=DAILY;BYHOUR=1;BYEASTER=0",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=MINUTELY;INTERVAL=7;BYDAY=MO;BYHOUR=3;BYMINUTE=7",
        "FREQ=HOURLY;INTERVAL=2;BYHOUR=3",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=WEEKLY;BYMONTHDAY=1",
        "FREQ=MONTHLY;BYYEARDAY=1",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYSETPOS=1",
        "FREQ=DAILY;BYMINUTE=" + ",".join(map(str, range(60))) + ";BYSECOND=0,1",
        "FREQ=DAILY;UNTIL=20200101T000000Z",
        "FREQ=YEARLY;BYDAY=" + ",".join(["MO"] * 200),
        "FREQ=YEARLY;BYDAY=54SU",
        "FREQ=YEARLY;BYMONTH=2;BYDAY=53MO",
        "FREQ=MONTHLY;BYDAY=1MO,20MO",
        "FREQ=MONTHLY;BYDAY=-6FR",
    ],
)
def test_a_rule_that_cannot_be_followed_in_little_time_is_told_so(rule: str) -> None:
    assert problem_with(rule, "Europe/Berlin", begins=utc(2031, 1, 6, 9))
    with pytest.raises(BadRule):
        recurrence(rule, "Europe/Berlin", "one", begins=utc(2031, 1, 6, 9), now=utc(2031, 1, 6, 9))


@pytest.mark.parametrize("begins", [datetime.min, datetime.max])
@pytest.mark.parametrize("zone", ["Pacific/Apia", "America/Los_Angeles"])
def test_a_beginning_at_the_end_of_time_is_told_so_or_followed(begins: datetime, zone: str) -> None:
    assert problem_with("FREQ=DAILY", zone, begins=begins.replace(tzinfo=UTC)) in ("", "a rule begins within the years 2 to 9998")


@pytest.mark.parametrize("zone", ["", "Europe", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe/Berlin\x00"])
def test_a_zone_that_is_none_is_told_so(zone: str) -> None:
    assert "no time zone" in problem_with("FREQ=DAILY", zone, begins=utc(2031, 1, 1))


def test_every_zone_of_the_pinned_data_is_known_on_a_machine_that_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import zoneinfo

    monkeypatch.setattr(zoneinfo, "TZPATH", ())
    assert {"Europe/Berlin", "Asia/Tehran"} <= zoneinfo.available_timezones()
    assert zoneinfo.ZoneInfo.no_cache("Asia/Tehran").utcoffset(datetime(2031, 1, 1)) == timedelta(hours=3, minutes=30)
