"""Timers over a real database: the batch that decides a timer's command finds the timer as it was, or decides nothing."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
import pytest_asyncio

from consumers.runtime import timers as rules
from consumers.runtime.decoding import read_command
from consumers.runtime.domain import DropTimer
from consumers.runtime.item import Item
from consumers.runtime.store import Store
from consumers.runtime.timers import listing
from consumers.runtime.timing import MOVED
from contracts.envelope import Envelope
from contracts.file_mgr.uploads import AbortUpload
from contracts.message import Command, encode, type_of
from producers.publisher import PublishFailed
from tests.store.test_plans import plan_of
from tests.support.chance import chance
from tests.support.hours import SOON, Hours, ended, hours_over
from tests.support.in_process import item_of
from tests.support.timing import AGAIN, BUGGY, FINE, UNWANTED, changing, once, recurring

HOURLY = "FREQ=HOURLY"


@pytest_asyncio.fixture(loop_scope="session")
async def hours(dsn: str) -> AsyncIterator[Hours]:
    async with hours_over(dsn) as hours:
        yield hours


async def test_a_timer_fires_at_its_moment_and_is_gone(hours: Hours) -> None:
    await hours.do(once("a", SOON))
    assert await hours.pass_until(SOON - timedelta(microseconds=1)) == []
    assert await hours.pass_until(SOON) == ["done"]
    assert (await hours.fired(), await hours.left()) == ([("a", SOON)], [])


async def test_within_a_batch_the_last_change_of_a_name_counts(hours: Hours) -> None:
    later = SOON + timedelta(hours=1)
    sent = [
        changing(once("a", SOON), once("b", SOON), once("a", later)),
        changing(DropTimer("b"), once("c", SOON)),
        changing(once("d", SOON)),
    ]
    await hours.decide([item_of(command, hours.tenant) for command in [*sent, changing(DropTimer("d"), once("d", later))]])
    assert await hours.left() == [("c", SOON), ("a", later), ("d", later)]


async def test_timers_of_the_same_name_of_two_tenants_are_two(hours: Hours) -> None:
    await hours.do(once("a", SOON))
    ours, hours.tenant = hours.tenant, uuid4()
    await hours.do(once("a", SOON + timedelta(hours=1)))
    await hours.do(DropTimer("a"))
    hours.tenant = ours
    assert await hours.left() == [("a", SOON)]


@pytest.mark.parametrize("change", [once("a", SOON + timedelta(hours=1)), DropTimer("a")], ids=["moved", "dropped"])
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two batches"])
async def test_a_command_whose_timer_was_moved_or_dropped_meanwhile_is_refused_and_the_moved_one_fires(
    hours: Hours, change: Any, together: bool
) -> None:
    await hours.do(once("a", SOON))
    hours.clock.now = SOON
    await hours.timers.round()
    first = item_of(changing(change), hours.tenant)
    if not together:
        await hours.decide([first])
    outcomes = await hours.decide([*([first] if together else []), *hours.items()])
    assert ended(outcomes[-1]) == MOVED
    assert await hours.fired() == []
    moved = not isinstance(change, DropTimer)
    assert await hours.pass_until(SOON + timedelta(hours=1)) == (["done"] if moved else [])
    assert await hours.fired() == ([("a", SOON + timedelta(hours=1))] if moved else [])


async def test_a_timer_that_is_moved_away_and_back_or_set_again_after_it_fired_fires_again(hours: Hours) -> None:
    await hours.do(once("a", SOON))
    hours.clock.now = SOON
    await hours.timers.round()
    late = hours.items()
    await hours.do(once("a", SOON + timedelta(hours=1)))
    await hours.decide(late)
    await hours.do(once("a", SOON))
    assert await hours.pass_until(SOON) == ["done"]
    await hours.do(once("a", SOON))
    assert await hours.pass_until(SOON) == ["done"]
    assert await hours.fired() == [("a", SOON)] * 2


async def test_published_twice_it_fires_once_and_an_unheard_one_is_published_again_after_a_while_under_the_same_id(hours: Hours) -> None:
    await hours.do(once("a", SOON))
    hours.clock.now = SOON
    for _ in range(3):
        await hours.timers.round()
    assert len(hours.sent) == 1, "it is not published each round"
    hours.clock.now += rules.AGAIN
    await hours.timers.round()
    one, other = hours.items()
    assert one.envelope.id == other.envelope.id
    assert list(map(ended, await hours.decide([one]))) == ["done"]
    assert [outcome and outcome.repeated for outcome in await hours.decide([other])] == [True]
    assert (await hours.fired(), await hours.left()) == ([("a", SOON)], [])


async def test_a_process_that_dies_between_publishing_and_noting_it_costs_nothing(hours: Hours) -> None:
    await hours.do(once("a", SOON))
    hours.clock.now = SOON
    await hours.timers.round()
    await hours.admin.execute("update file_mgr.timers set again_at = null")
    hours.timers = hours.process()
    await hours.timers.round()
    assert len(hours.sent) == 2
    await hours.decide(hours.items())
    assert await hours.fired() == [("a", SOON)]


async def test_a_command_that_only_claims_to_be_a_timers_gains_nothing(hours: Hours) -> None:
    await hours.do(once("a", SOON), once("of another", SOON))
    hours.clock.now = SOON
    await hours.timers.round()
    (_, envelope), *_ = sorted(hours.sent, key=lambda sent: sent[1].timer)
    claims = [
        envelope.timer,  # under an id of its own
        f"{(SOON + timedelta(hours=1)).isoformat()} a",
        f"{SOON.isoformat()} of another",
        f"{SOON.isoformat()} unknown",
        "no moment",
        " ",
    ]
    forged = [item_of(AbortUpload(upload_id=FINE), hours.tenant, actor="timer", timer=claim) for claim in claims]
    other = [item_of(AbortUpload(upload_id=AGAIN), hours.tenant, id=envelope.id, timer=envelope.timer)]  # the id is right, not the command
    foreign = [item_of(AbortUpload(upload_id=FINE), uuid4(), id=envelope.id, timer=envelope.timer)]
    outcomes = [outcome for group in (forged, other, foreign) for outcome in await hours.decide(group)]
    assert list(map(ended, outcomes)) == [MOVED] * len(outcomes)
    unreadable = Item(
        envelope=item_of(AbortUpload(upload_id=FINE), hours.tenant, timer=envelope.timer).envelope, command=None, unreadable="x"
    )
    await hours.decide([unreadable])
    assert await hours.admin.fetchval("select count(*) from file_mgr.timers where set_aside <> ''") == 0


def test_a_node_cannot_report_in_a_timers_name() -> None:
    from types import SimpleNamespace

    from consumers.render import DOMAIN
    from contracts.envelope import first
    from contracts.node import LeaveNode

    said = msgspec.structs.replace(first(LeaveNode()), timer=f"{SOON.isoformat()} a")
    subject = type_of(LeaveNode).subject(uuid4())
    msg: Any = SimpleNamespace(headers=said.headers(), data=encode(LeaveNode()), subject=subject)
    assert read_command(DOMAIN, msg).envelope.timer == ""


async def test_a_command_that_is_early_by_the_clock_of_who_decides_it_waits_and_leaves_no_trace(hours: Hours) -> None:
    await hours.do(once("a", SOON))
    hours.clock.now = SOON
    await hours.timers.round()
    (item,) = hours.items()
    hours.clock.now = SOON - timedelta(seconds=3)
    await hours.decide([item])
    assert (item.outcome, item.again) == (None, 3.0)
    assert await hours.left() == [("a", SOON)]
    hours.clock.now = SOON
    assert list(map(ended, await hours.decide([item]))) == ["done"]


async def test_a_decision_that_refuses_ends_its_timer_and_one_that_sets_it_anew_keeps_it(hours: Hours) -> None:
    await hours.do(once("a", SOON, UNWANTED), once("b", SOON, AGAIN))
    assert sorted(await hours.pass_until(SOON)) == ["done", "file.upload_state"]
    assert await hours.left() == [("b", SOON.replace(year=2032))]


async def test_a_timer_whose_command_is_quarantined_waits_with_it_and_goes_on_when_that_is_driven_again(hours: Hours) -> None:
    await hours.do(recurring("a", HOURLY, "UTC", "each", BUGGY, begins=SOON))
    assert await hours.pass_until(SOON) == ["quarantined"]
    assert await hours.pass_until(SOON + timedelta(days=1)) == []
    (row,) = await hours.admin.fetch("select id, headers::text, body from file_mgr.inbox where state = 'quarantined'")
    assert str(row["id"]) in await hours.admin.fetchval("select set_aside from file_mgr.timers")
    hours.clock.now = SOON
    # The bug is corrected, and what was kept is published again.
    await hours.admin.execute("update file_mgr.timers set body = jsonb_set(body, '{upload_id}', to_jsonb($1::text))", str(FINE))
    await hours.admin.execute("update file_mgr.inbox set state = 'reopened' where id = $1", row["id"])
    envelope = Envelope.read(msgspec.json.decode(row["headers"]))
    assert list(map(ended, await hours.decide([Item(envelope=envelope, command=AbortUpload(upload_id=FINE))]))) == ["done"]
    assert (await hours.fired(), await hours.left()) == ([("a", SOON)], [("a", SOON + timedelta(hours=1))])
    assert await hours.pass_until(SOON + timedelta(hours=1)) == ["done"]


async def test_what_cannot_be_read_is_set_aside_alone_with_its_reason_and_tried_by_whoever_leads_next(
    hours: Hours, caplog: pytest.LogCaptureFixture
) -> None:
    await hours.do(*(once(name, SOON) for name in ("a", "b", "c", "d")))
    await hours.admin.execute("update file_mgr.timers set type = 'cmd.file_mgr.upload.of_another_release.v1' where name = 'b'")
    await hours.admin.execute("""update file_mgr.timers set recurrence = '{"rule": 7}' where name = 'c'""")
    with caplog.at_level(logging.ERROR):
        assert await hours.pass_until(SOON) == ["done"] * 2
    assert caplog.text.count("ALARM") == 2
    rows = await hours.admin.fetch("select name, set_aside from file_mgr.timers order by name")
    listed = await listing(hours.admin, "file_mgr", only_aside=True)
    assert [(one.name, one.due_at) for one in listed] == [("b", SOON), ("c", SOON)]
    assert [row["name"] for row in rows] == ["b", "c"] and all(row["set_aside"].startswith(rules.UNREADABLE) for row in rows)
    # The release that wrote it comes back, and leads.
    await hours.admin.execute("update file_mgr.timers set type = 'cmd.file_mgr.upload.abort.v1', recurrence = null")
    assert await hours.pass_until(SOON) == []
    hours.timers = hours.process()
    assert await hours.pass_until(SOON) == ["done"] * 2


async def test_what_can_never_be_published_is_set_aside_and_a_silent_broker_sets_nothing_aside(hours: Hours) -> None:
    await hours.do(once("a", SOON))
    hours.clock.now = SOON
    hours.failing = PublishFailed("no answer within 5 s")
    assert await hours.timers.round() == rules.PAUSE
    hours.failing = PublishFailed("too large", retryable=False)
    await hours.timers.round()
    assert "too large" in await hours.admin.fetchval("select set_aside from file_mgr.timers")


async def test_a_broker_that_is_silent_or_a_database_that_is_away_ends_nothing(hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "LONGEST_SLEEP", 0.02)
    monkeypatch.setattr(rules, "PAUSE", 0.02)
    await hours.do(once("a", SOON))
    hours.clock.now = SOON
    hours.failing = PublishFailed("no answer within 5 s")
    seen: list[Exception] = []
    publish = hours.timers._publish

    async def noted(command: Command, envelope: Envelope) -> None:
        seen.append(hours.failing or Exception())
        await publish(command, envelope)

    hours.timers._publish = noted
    running = asyncio.create_task(hours.timers.run())
    try:
        for failing in (PublishFailed("no answer within 5 s"), RuntimeError("a bug of ours")):
            hours.failing, before = failing, len(seen)
            while len(seen) < before + 2:
                await asyncio.sleep(0.01)
        assert hours.leading._line is not None
        lock = hours.leading._line.conn.get_server_pid()
        cut = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'file_mgr_app' and pid <> $1"
        await hours.admin.execute(cut, lock)
        hours.failing = None
        while not hours.sent:
            await asyncio.sleep(0.01)
        assert not running.done()
    finally:
        running.cancel()


async def test_a_sleep_ends_when_a_sooner_timer_is_set(hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "LONGEST_SLEEP", 3600.0)
    await hours.do(once("far", SOON + timedelta(hours=1)))
    rounds: list[float] = []
    go = hours.timers.round

    async def noted() -> float:
        rounds.append(await go())
        return rounds[-1]

    monkeypatch.setattr(hours.timers, "round", noted)
    running = asyncio.create_task(hours.timers.run())
    try:
        while not rounds:
            await asyncio.sleep(0.01)
        hours.clock.now = SOON
        await hours.do(once("near", SOON))
        hours.timers.expect(SOON + timedelta(hours=2))
        hours.timers.expect(SOON)
        while not hours.sent:
            await asyncio.sleep(0.01)
    finally:
        running.cancel()


async def test_ten_thousand_due_timers_are_published_without_a_pause_each_once(hours: Hours) -> None:
    many = 10_000
    row = """
        insert into file_mgr.timers (tenant_id, type, body, due_at, name, set_by, recurrence, again_at, set_aside)
        select $1, 'cmd.file_mgr.upload.abort.v1', $2, $3, 't ' || n, gen_random_uuid(), null, null, '' from generate_series(1, $4) n
    """
    await hours.admin.execute(row, hours.tenant, encode(AbortUpload(upload_id=FINE)).decode(), SOON, many)
    hours.clock.now = SOON
    began = time.monotonic()
    waits = [await hours.timers.round() for _ in range(many // rules.MOST)]
    print(f"\n{many / (time.monotonic() - began):.0f} due timers a second are found, published to nobody and noted")
    assert waits == [0.0] * len(waits)
    assert len({envelope.id for _, envelope in hours.sent}) == len(hours.sent) == many
    assert await hours.timers.round() > 0


@pytest.mark.parametrize("number", range(3))
async def test_whatever_is_set_moved_dropped_repeated_and_late_each_timer_that_stands_fires_once(hours: Hours, number: int) -> None:
    random = chance(f"timers {number}")
    stands: dict[str, tuple[datetime, int]] = {}  # by name: the moment, and which setting it is
    meant: dict[UUID, tuple[str, int]] = {}  # what was published is about
    pool: list[Item] = []
    wanted: list[tuple[str, datetime]] = []
    settings = 0
    for _ in range(60):
        hours.clock.now += timedelta(seconds=random.randrange(40))
        await hours.timers.round()
        for item in hours.items():
            name = item.envelope.timer.partition(" ")[2]
            meant.setdefault(item.envelope.id, (name, stands[name][1]))
            pool += [item] * random.choice((1, 1, 2))
        random.shuffle(pool)
        batch: list[Item] = []
        for _ in range(random.randrange(8)):
            if pool and random.random() < 0.5:
                late = pool.pop()
                batch.append(Item(envelope=late.envelope, command=late.command, body=late.body))
                name, setting = meant[late.envelope.id]
                if name in stands and stands[name][1] == setting:
                    wanted.append((name, stands.pop(name)[0]))
                continue
            changes: list[Any] = []
            for name in random.sample("abcd", 2):
                settings += 1
                moment = hours.clock.now + timedelta(seconds=random.choice((-30, 0, 30, 60)))
                changes.append(DropTimer(name) if random.random() < 0.3 else once(name, moment))
                stands.pop(name, None)
                if not isinstance(changes[-1], DropTimer):
                    stands[name] = (moment, settings)
            batch.append(item_of(changing(*changes), hours.tenant))
        await hours.decide(batch)
        assert dict(await hours.left()) == {name: moment for name, (moment, _) in stands.items()}
    assert await hours.fired() == wanted
    assert wanted


@pytest.mark.parametrize("query", ["due_timers", "held_timers", "drop_timers"])
async def test_timers_are_found_by_an_index(dsn: str, query: str) -> None:
    text = getattr(Store(None, "file_mgr").q, query)
    given = 3 if query == "due_timers" else 2
    plan = await plan_of(dsn, text, given, "analyze file_mgr.timers")
    assert "timers_due" in plan or "timers_pkey" in plan, plan
    assert "Seq Scan on timers" not in plan and ("timers_due" not in plan or "Sort" not in plan), plan


@pytest.mark.parametrize(("missed", "wanted"), [("each", [0, 1, 2, 3, 4, 5]), ("one", [0, 1, 5]), ("none", [0, 5])])
async def test_what_was_missed_while_nobody_led_is_each_fired_or_once_or_not_at_all(hours: Hours, missed: Any, wanted: list[int]) -> None:
    await hours.do(recurring("a", HOURLY, "UTC", missed, begins=SOON))
    assert await hours.pass_until(SOON) == ["done"]
    if missed == "one":
        await hours.pass_until(SOON + timedelta(hours=4, minutes=30))
    else:
        await hours.pass_until(SOON + timedelta(hours=4, minutes=2))
    await hours.pass_until(SOON + timedelta(hours=5))
    assert [moment for _, moment in await hours.fired()] == [SOON + timedelta(hours=hour) for hour in wanted]


async def test_a_rule_that_ends_leaves_no_timer(hours: Hours) -> None:
    await hours.do(recurring("a", "FREQ=HOURLY;COUNT=3", "UTC", "each", begins=SOON))
    await hours.do(recurring("b", "FREQ=DAILY;COUNT=2", "UTC", "none", begins=SOON))
    await hours.pass_until(SOON + timedelta(days=30))
    assert [name for name, _ in await hours.fired()] == ["a"] * 3
    assert await hours.left() == []


async def test_a_recurring_timer_without_a_beginning_begins_after_its_event(hours: Hours) -> None:
    await hours.do(recurring("a", "FREQ=DAILY;BYHOUR=9", "Asia/Tehran", "one"))
    assert await hours.left() == [("a", datetime(2031, 5, 18, 5, 30, tzinfo=UTC))]


async def test_a_process_that_was_replaced_publishes_and_notes_nothing(hours: Hours) -> None:
    await hours.do(once("a", SOON))
    hours.clock.now = SOON
    await hours.admin.execute("update file_mgr.leader set lease = lease + 1")  # what another process does that leads
    await hours.timers.round()
    assert hours.sent == []
