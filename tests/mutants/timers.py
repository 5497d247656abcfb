"""The promises about timers and retention as checks over a real database, and wrong changes that they notice."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from consumers.runtime import recurrence, retention, timing
from consumers.runtime.item import Item
from consumers.runtime.recurrence import Recurrence
from consumers.runtime.retention import Retention
from consumers.runtime.timers import Timers
from consumers.runtime.timing import Timer, Timing
from contracts.domains import DOMAINS
from contracts.envelope import derived_id
from contracts.file_mgr.uploads import AbortUpload
from contracts.message import decode
from deploy.domains import domain_named
from tests.mutants.checks import hold
from tests.support.hours import MAY, SOON, Hours, hours_of
from tests.support.in_process import InProcessDomains, item_of
from tests.support.leading import leads, pool_of
from tests.support.timing import FINE, Clock, once, recurring

LATER = MAY + timedelta(hours=1)


async def moments(hour: Hours) -> list[datetime]:
    """When what was decided was due."""
    return [moment for _, moment in await hour.fired()]


async def a_moved_timer_fires_at_its_new_moment_alone(in_process: InProcessDomains) -> None:
    """I1: what an event moved after its command was published does not happen at the moment before."""
    async with hours_of(in_process) as hour:
        await hour.do(once("a", SOON))
        await hour.publish_at(SOON)
        await hour.do(once("a", LATER))
        await hour.decide(hour.items())
        hold(await moments(hour) == [], "it fired although it was moved")
        await hour.publish_at(LATER)
        await hour.decide(hour.items())
        hold(await moments(hour) == [LATER], f"it fired at {await moments(hour)}")


async def a_timer_stays_until_its_command_is_decided(in_process: InProcessDomains) -> None:
    """I1: a command that the broker lost comes again; once decided, it never does."""
    async with hours_of(in_process) as hour:
        await hour.do(once("a", SOON))
        await hour.publish_at(SOON)
        hour.sent.clear()
        await hour.publish_at(SOON + timedelta(days=1))
        await hour.decide(hour.items())
        await hour.publish_at(SOON + timedelta(days=2))
        await hour.decide(hour.items())
        hold(await moments(hour) == [SOON], f"it fired at {await moments(hour)}")


async def a_timer_that_is_set_again_fires_again(in_process: InProcessDomains) -> None:
    """I1: one that is set to the same moment once more is another fact."""
    async with hours_of(in_process) as hour:
        for _ in range(2):
            await hour.do(once("a", SOON))
            await hour.publish_at(SOON)
            await hour.decide(hour.items())
        hold(await moments(hour) == [SOON] * 2, f"it fired at {await moments(hour)}")


async def who_claims_to_be_a_timer_gains_nothing(in_process: InProcessDomains) -> None:
    """I4: a command that bears a timer's name and moment, and is not that timer's, is not decided."""
    async with hours_of(in_process) as hour:
        await hour.do(once("a", SOON))
        hour.clock.now = SOON
        claim = item_of(AbortUpload(upload_id=FINE), hour.tenant, timer=f"{SOON.isoformat()} a")
        await hour.in_process.decide("file_mgr", [claim])
        hold(await moments(hour) == [], "a forged command was decided as the timer's")


async def a_timer_that_cannot_be_read_holds_up_no_other(in_process: InProcessDomains) -> None:
    """I8: it is set aside alone."""
    async with hours_of(in_process) as hour:
        await hour.do(once("a", SOON), once("b", SOON + timedelta(seconds=1)))
        await in_process.admin.execute("update file_mgr.timers set type = 'cmd.of.another.v1' where name = 'a'")
        for _ in range(3):
            try:
                await hour.publish_at(LATER)
            except Exception as error:
                hold(False, f"the round ended: {error!r}")
        await hour.decide(hour.items())
        hold(await moments(hour) == [SOON + timedelta(seconds=1)], f"{await moments(hour)} fired")


async def what_recurs_keeps_to_its_rule(in_process: InProcessDomains) -> None:
    """I1: each moment follows from the rule, over a change of the clocks, however late the one before was decided."""
    async with hours_of(in_process) as hour:
        hour.clock.now = datetime(2031, 3, 28, 12, tzinfo=UTC)
        await hour.do(recurring("a", "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Europe/Berlin", "each"))
        for day in (29, 30, 31):
            await hour.publish_at(datetime(2031, 3, day, 1, 41, tzinfo=UTC))
            await hour.decide(hour.items())
        wanted = [datetime(2031, 3, day, hours, minutes, tzinfo=UTC) for day, hours, minutes in ((29, 1, 30), (30, 1, 0), (31, 0, 30))]
        hold(await moments(hour) == wanted, f"it fired at {await moments(hour)}")


async def what_is_over_goes_and_what_waits_stays(in_process: InProcessDomains) -> None:
    """I8: every domain's old operations go, and none that waits for a person."""
    row = """
        insert into {}.inbox (tenant_id, id, type, request_hash, key_hash, state, outcome, headers, body, reason, decided_at)
        values ($1, $1, 't', '', '', $2, '{{}}', null, null, '', $3)
    """
    for name in DOMAINS:
        for state in ("done", "quarantined"):
            await in_process.admin.execute(row.format(name), uuid4(), state, MAY - timedelta(days=31))
        async with leads(in_process.dsn, name) as leading:
            await Retention(domain_named(name), pool_of(in_process.dsn, name), leading, months=3, clock=Clock(MAY)).round()
        left = [state for (state,) in await in_process.admin.fetch(f"select state from {name}.inbox where type = 't'")]
        hold(left == ["quarantined"], f"{name} keeps {left}")


# Wrong changes


def late_timers_are_decided(in_process: InProcessDomains) -> Any:
    """Whether the timer still says so is not looked at."""
    return patch.object(Timing, "refusal", lambda self, item: None)


def what_is_published_is_removed(in_process: InProcessDomains) -> Any:
    """The row goes with its publishing, as once."""
    note = Timers._note

    async def removing(self: Timers, due: Any, failed: Any, lease: int) -> None:
        await note(self, due, failed, lease)
        await in_process.admin.execute("delete from file_mgr.timers where again_at is not null")

    return patch.object(Timers, "_note", removing)


def ids_forget_who_set_the_timer(in_process: InProcessDomains) -> Any:
    """A timer's command is known by its name and moment alone."""
    return patch.object(
        Timer, "command_id", lambda self, domain: derived_id(self.tenant_id, f"{domain} {self.name} {self.due_at.isoformat()}")
    )


def every_claim_is_believed(in_process: InProcessDomains) -> Any:
    """Whoever names the timer speaks for it."""

    def believing(self: Timing, item: Item, changes: Any) -> Timer | None:
        key = timing._claimed(item.envelope)
        found: Timer | None = changes.get(key, self._stored.get(key)) if key else None
        return found

    return patch.object(Timing, "_matching", believing)


def what_cannot_be_read_ends_the_round(in_process: InProcessDomains) -> Any:
    """An error that nobody foresaw, for a type that is not known."""

    def reading(full_name: str, body: Any) -> Any:
        try:
            return decode(full_name, body)
        except KeyError as error:
            raise RuntimeError("what is this?") from error

    return patch.object(timing, "decode", reading)


def the_next_moment_is_a_day_from_now(in_process: InProcessDomains) -> Any:
    """Each occurrence is counted from the one that was decided just now."""
    return patch.object(Recurrence, "following", lambda self, moment, now: now + timedelta(days=1))


def gaps_of_the_clock_are_passed_by_its_old_offset(in_process: InProcessDomains) -> Any:
    """A local time that does not exist is read as if the clocks had not been changed."""
    return patch.object(recurrence, "_instant", lambda local, zone: local.replace(tzinfo=zone).astimezone(UTC))


def everything_old_is_swept(in_process: InProcessDomains) -> Any:
    """A rule forgets which rows stay."""
    sweeping = retention._sweeping
    return patch.object(retention, "_sweeping", lambda store, rule: sweeping(store, rule).replace(rule.goes, "true"))


def only_domains_with_timers_are_swept(in_process: InProcessDomains) -> Any:
    """Retention belongs to timers, as once."""
    rules = retention.rules_of
    return patch.object(retention, "rules_of", lambda domain: rules(domain) if domain.timers else ())
