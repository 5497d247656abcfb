"""A year of recurring timers on the real servers, with a clock that is moved and leaders that come and go: each as its rule says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from adapters.nats import Connection, PullConsumer
from consumers.runtime.recurrence import Missed
from consumers.runtime.runtime import Runtime
from consumers.runtime.timers import Timers
from contracts.catalogue import decided_streams
from deploy.local.servers import Servers
from producers.publisher import Publisher
from tests.stream.support import Login
from tests.support.chance import chance
from tests.support.databases import migrated
from tests.support.in_process import InProcessDomains, item_of
from tests.support.leading import app_connection, pool_of
from tests.support.timing import TIMED, Clock, changing, fired, recurring

NEW_YEAR, YEAR = datetime(2031, 1, 1, tzinfo=UTC), timedelta(days=365)
QUARTER = timedelta(minutes=15)  # every time below, and every change of a clock, is at one
Days = Callable[[datetime], bool]
# By name: the rule, its zone, what becomes of what is missed; and, for whoever looks at the wall, at which times of which days it is.
RULES: dict[str, tuple[str, str, Missed, tuple[tuple[int, int], ...], Days]] = {
    "at weekends": ("FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=2;BYMINUTE=30", "Europe/Berlin", "each", ((2, 30),), lambda day: day.weekday() > 4),
    "twice on sundays": (
        "FREQ=WEEKLY;BYDAY=SU;BYHOUR=1,2;BYMINUTE=45",
        "America/New_York",
        "each",
        ((1, 45), (2, 45)),
        lambda day: day.weekday() == 6,
    ),
    "by half an hour": (
        "FREQ=WEEKLY;BYDAY=SU,MO;BYHOUR=2;BYMINUTE=15",
        "Australia/Lord_Howe",
        "one",
        ((2, 15),),
        lambda day: day.weekday() in (6, 0),
    ),
    "monthly": (
        "FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=9;BYMINUTE=0",
        "Asia/Tehran",
        "one",
        ((9, 0),),
        lambda day: (day + timedelta(days=1)).day == 1,
    ),
    "only in time": (
        "FREQ=WEEKLY;BYDAY=SU;BYHOUR=0,2;BYMINUTE=30",
        "Europe/Berlin",
        "none",
        ((0, 30), (2, 30)),
        lambda day: day.weekday() == 6,
    ),
}


class Process:
    """What one process does for the domain, until it is ended."""

    def __init__(self, dsn: str, nc: Connection, clock: Clock) -> None:
        commands = [PullConsumer(nc, stream, "file_mgr", owns_stream=True) for stream in decided_streams("file_mgr")]
        self.runtime = Runtime(TIMED, nc, lambda: app_connection(dsn, "file_mgr"), commands, lambda cursor: None)
        self.runtime.settler.clock = clock
        self.timers = Timers(TIMED, pool_of(dsn, "file_mgr"), Publisher(nc).publish, self.runtime.leading, clock)
        self.runtime.on_timers = self.timers.expect
        self._running = [asyncio.create_task(work) for work in (self.runtime.run(), self.timers.run())]

    def look(self) -> None:
        """Let it see that the clock was moved."""
        self.timers._sooner.set()

    async def end(self) -> None:
        """Whatever it is at."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


class Year:
    """The clock, the timers, and whoever leads."""

    def __init__(self, dsn: str, admin: asyncpg.Connection, login: Login, tenant: UUID) -> None:
        self.dsn, self.admin, self.tenant, self._login = dsn, admin, tenant, login
        self.clock = Clock(NEW_YEAR)
        self.leader: Process | None = None
        self.alone: list[tuple[datetime, datetime]] = []  # when nobody led

    async def begin(self) -> None:
        """Somebody leads."""
        self.leader = Process(self.dsn, await self._login("file_mgr"), self.clock)

    async def end(self) -> None:
        """Nobody leads."""
        if self.leader is not None:
            await self.leader.end()
            self.leader = None

    async def next(self) -> datetime:
        """When the next timer is due."""
        due: datetime = await self.admin.fetchval("select min(due_at) from file_mgr.timers")
        return due

    async def settle(self) -> None:
        """Wait until nothing is due any more."""
        while await self.next() <= self.clock.now:
            assert self.leader is not None
            self.leader.look()
            await asyncio.sleep(0.01)

    async def be_alone(self, time: timedelta) -> None:
        """Nobody leads for a time, which ends between two minutes at which anything could be due."""
        await self.end()
        until = (self.clock.now + time).replace(minute=7, second=11)
        self.alone.append((self.clock.now, until))
        self.clock.now = until
        await self.begin()


@asynccontextmanager
async def year_over(servers: Servers, login: Login) -> AsyncIterator[Year]:
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(migrated(servers.pg_admin_dsn))
        in_process = await stack.enter_async_context(InProcessDomains(dsn))
        in_process.domains["file_mgr"] = TIMED
        year = Year(dsn, in_process.admin, login, uuid4())
        in_process.clock = year.clock
        rules = [recurring(name, rule, zone, missed) for name, (rule, zone, missed, _, _) in RULES.items()]
        for rule in rules:
            await in_process.decide("file_mgr", [item_of(changing(rule), year.tenant)])
        stack.push_async_callback(year.end)
        await year.begin()
        yield year


@pytest.mark.timeout(300)
async def test_over_a_year_each_occurrence_fires_as_its_rule_says_whoever_leads(servers: Servers, admin: Connection, login: Login) -> None:
    random = chance("a year of timers")
    async with year_over(servers, login) as year:
        while (due := await year.next()) < NEW_YEAR + YEAR:
            if random.random() < 0.03:
                await year.be_alone(timedelta(days=random.choice((0.3, 2, 9))))
            else:
                year.clock.now = max(year.clock.now, due)
                if random.random() < 0.06:  # a takeover, wherever the one before is with what is due
                    assert year.leader is not None
                    year.leader.look()
                    await asyncio.sleep(random.random() * 0.02)
                    await year.end()
                    await year.begin()
            await year.settle()
        found = await fired(year.admin, year.tenant)
        end = year.clock.now
        refused = await year.admin.fetchval("select count(*) from file_mgr.inbox where state <> 'done'")
    for name, (_, zone, missed, times, days) in RULES.items():
        wanted = list(counting(missed, sorted(on_the_wall(zone, times, days)), year.alone))
        assert [moment for one, moment in found if one == name] == [moment for moment in wanted if moment <= end], name
    assert refused == 0
    print(f"\n{len(found)} occurrences in a year, {len(year.alone)} times nobody led")


def counting(missed: Missed, occurrences: list[datetime], alone: list[tuple[datetime, datetime]]) -> Iterator[datetime]:
    """The occurrences that fire, of all."""
    for number, moment in enumerate(occurrences):
        gap = next(((since, until) for since, until in alone if since < moment <= until), None)
        first = gap is not None and (number == 0 or occurrences[number - 1] <= gap[0])
        if gap is None or missed == "each" or (missed == "one" and first):
            yield moment


def on_the_wall(zone: str, times: tuple[tuple[int, int], ...], days: Days) -> Iterator[datetime]:
    """Every occurrence of the year and some days, by looking at the wall clock each quarter of an hour."""
    shown: dict[datetime, datetime] = {}
    where, at = ZoneInfo(zone), NEW_YEAR - timedelta(days=2)
    while at < NEW_YEAR + YEAR + timedelta(days=20):
        shown.setdefault(at.astimezone(where).replace(tzinfo=None), at)
        at += QUARTER
    day = datetime(2031, 1, 1)
    while day < datetime(2032, 1, 15):
        for hour, minute in times if days(day) else ():
            wall = day.replace(hour=hour, minute=minute)
            while wall not in shown:
                wall += QUARTER
            if shown[wall] > NEW_YEAR:
                yield shown[wall]
        day += timedelta(days=1)
