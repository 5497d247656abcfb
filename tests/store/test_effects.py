"""Effects over a real PostgreSQL: what each nature does after failures, kills and restores; lanes, rates, breakers, chunks and people."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from consumers.runtime.effects import execution, row
from consumers.runtime.effects.declared import (
    Asking,
    Backoff,
    Chunked,
    Destination,
    Done,
    EffectFailed,
    EffectKind,
    Neither,
    NotSent,
    Step,
    TryLater,
)
from contracts.notification.notifications import ReadNotification
from tests.support.effects import Workshop

pytestmark = pytest.mark.timeout(90)
SOON = Backoff(0.05, 0.1)


class Plain(msgspec.Struct, frozen=True):
    """May be repeated."""

    to: str = ""


class Paid(msgspec.Struct, frozen=True):
    """Can be asked for."""

    to: str = ""


class Mailed(msgspec.Struct, frozen=True):
    """Can neither be repeated nor asked for."""

    to: str = ""


class Long(msgspec.Struct, frozen=True):
    """So many chunks."""

    chunks: int = 3


class OutsideService:
    """Does what it is asked to, and remembers; `ways` says for each kind in turn how it goes wrong, then all goes well."""

    def __init__(self, **ways: list[Any]) -> None:
        self.done: Counter[UUID] = Counter()
        self.tries: Counter[UUID] = Counter()
        self.ways, self.lost, self.asked = ways, set[UUID](), Counter[UUID]()
        self.going = asyncio.Event()
        self.going.set()

    async def do(self, effect: Any, call: Any, tools: Any) -> list[Any]:
        self.tries[call.key] += 1
        ways = self.ways.get(type(effect).__name__, [])
        way = ways.pop(0) if ways else None
        if isinstance(way, Exception) and not isinstance(way, ConnectionError):
            raise way
        call.begin()
        if isinstance(way, ConnectionError) and call.key in self.lost:
            raise way
        self.done[call.key] += 1
        await self.going.wait()
        if way is not None:
            raise way
        return [ReadNotification(notification_id=call.key)]

    async def ask(self, effect: Any, call: Any, tools: Any) -> Any:
        self.asked[call.key] += 1
        return Done([ReadNotification(notification_id=call.key)]) if self.done[call.key] else "not done"

    def kinds(self, **more: Any) -> tuple[EffectKind, ...]:
        common = {"run": self.do, "backoff": SOON, "timeout": 0.2} | more
        return (
            EffectKind(name="plain", payload=Plain, **common),
            EffectKind(name="paid", payload=Paid, nature=Asking(self.ask), **common),
            EffectKind(name="mailed", payload=Mailed, nature=Neither(), **common),
        )


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "TO_BEGIN", 0.5)
    monkeypatch.setattr(execution, "REPORT_AGAIN", 0.05)
    monkeypatch.setattr(execution, "NOT_YET", 0.05)


def lost() -> ConnectionError:
    return ConnectionError("the answer is lost")


async def test_what_succeeds_is_reported_once_under_an_id_of_its_own_and_forgotten(dsn: str) -> None:
    outside = OutsideService()
    async with Workshop(dsn, *outside.kinds()) as shop:
        await shop.start()
        ids = await shop.put(Plain(), Paid(), Mailed())
        for id in ids:
            await shop.until(id, lambda found: found is None)
        assert {command.notification_id for command, _ in shop.reported} == set(ids) == set(outside.done)
        assert len({identity for _, identity in shop.reported}) == 3


@pytest.mark.parametrize("effect", [Plain(), Paid(), Mailed()])
async def test_what_was_certainly_not_done_is_tried_again(dsn: str, effect: Any) -> None:
    outside = OutsideService(**{type(effect).__name__: [NotSent("no"), RuntimeError("before it began"), TryLater("busy", 0.05)]})
    async with Workshop(dsn, *outside.kinds()) as shop:
        await shop.start()
        (id,) = await shop.put(effect)
        await shop.until(id, lambda found: found is None)
        assert (outside.tries[id], outside.done[id], len(shop.reported)) == (4, 1, 1)


async def test_a_lost_answer_is_tried_again_where_that_does_no_harm_asked_where_one_can_and_else_unknown(dsn: str) -> None:
    outside = OutsideService(Plain=[lost()], Paid=[lost()], Mailed=[lost()])
    async with Workshop(dsn, *outside.kinds()) as shop:
        await shop.start()
        plain, paid, mailed = await shop.put(Plain(), Paid(), Mailed())
        await shop.until(plain, lambda found: found is None)
        await shop.until(paid, lambda found: found is None)
        found = await shop.until(mailed, lambda found: found["state"] == "unknown")
        assert (outside.done[plain], outside.done[paid], outside.done[mailed], outside.asked[paid]) == (2, 1, 1, 1)
        assert "the answer is lost" in found["last_error"] and found["due_at"] is not None
        assert {command.notification_id for command, _ in shop.reported} == {plain, paid}


async def test_what_the_other_side_has_not_done_is_handed_over_once_more_after_it_was_asked(dsn: str) -> None:
    outside = OutsideService(Paid=[lost()])
    async with Workshop(dsn, *outside.kinds()) as shop:
        await shop.start()
        (id,) = await shop.put(Paid(), wake=False)
        outside.lost.add(id)
        shop.runner._later(0.0)
        await shop.until(id, lambda found: found is None)
        assert (outside.done[id], outside.asked[id], outside.tries[id]) == (1, 1, 2)


async def test_asking_waits_until_nothing_can_be_on_its_way(dsn: str) -> None:
    outside = OutsideService(Paid=[lost()])
    async with Workshop(dsn, *outside.kinds(timeout=1.0)) as shop:
        await shop.start()
        (id,) = await shop.put(Paid())
        found = await shop.until(id, lambda found: found["state"] == "unknown")
        assert (found["due_at"] - found["handed_at"]).total_seconds() == pytest.approx(1.0 + execution.TO_BEGIN)
        assert not outside.asked[id]
        await shop.until(id, lambda found: found is None)


async def test_who_begins_too_late_sends_nothing_and_the_effect_is_due_again(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outside, now = OutsideService(), row.clock()
    times = iter([now + 10.0])
    monkeypatch.setattr(row, "clock", lambda: next(times, execution.clock()))
    async with Workshop(dsn, *outside.kinds()) as shop:
        await shop.start()
        (id,) = await shop.put(Mailed())
        await shop.until(id, lambda found: found is None)
        assert (outside.tries[id], outside.done[id], len(shop.reported)) == (2, 1, 1)


@pytest.mark.parametrize("again", [False, True], ids=["by another process", "by the same one, whose connection was lost"])
async def test_what_a_leader_was_handing_over_is_never_handed_over_again_by_itself(dsn: str, again: bool) -> None:
    outside = OutsideService()
    outside.going.clear()
    async with Workshop(dsn, *outside.kinds(timeout=2.0)) as shop, Workshop(dsn, *outside.kinds(timeout=2.0)) as other:
        await shop.start()
        plain, paid, mailed = await shop.put(Plain(), Paid(), Mailed())
        async with asyncio.timeout(20):
            while outside.done.total() < 3:
                await asyncio.sleep(0.01)
        if again:
            lease = shop.leading.lease
            await shop.admin.execute("select pg_terminate_backend($1)", shop.leading._line.conn.get_server_pid())  # type: ignore[union-attr]
            while not (shop.leading.active.is_set() and shop.leading.lease > lease):
                await asyncio.sleep(0.01)
        else:
            await shop.stop()
            await other.start()
            assert (await shop.row(mailed))["state"] == "unknown"
        outside.going.set()
        await shop.until(plain, lambda found: found is None)
        await shop.until(paid, lambda found: found is None)
        if again:
            await shop.until(mailed, lambda found: found is None)
        assert (outside.done[paid], outside.done[mailed]) == (1, 1)
        assert outside.done[plain] == (1 if again else 2)
        assert (await shop.row(mailed) is None) == again


async def test_an_answer_is_kept_until_it_is_reported_and_the_effect_is_not_carried_out_again(dsn: str) -> None:
    outside = OutsideService()
    async with Workshop(dsn, *outside.kinds()) as shop, Workshop(dsn, *outside.kinds()) as other:
        shop.broken = 10_000
        await shop.start()
        (id,) = await shop.put(Plain())
        found = await shop.until(id, lambda found: found["owing"] and found["asks"] > 0)
        assert (found["state"], found["ended"]) == ("done", "done") and found["answer"]
        await shop.stop()
        await other.start()
        await shop.until(id, lambda found: found is None)
        assert (outside.tries[id], shop.reported) == (1, [])
        assert [command.notification_id for command, _ in other.reported] == [id]


async def test_a_report_that_cannot_be_published_is_published_later_under_the_same_id(dsn: str) -> None:
    outside = OutsideService()
    async with Workshop(dsn, *outside.kinds()) as shop:
        shop.broken = 3
        await shop.start()
        (id,) = await shop.put(Paid())
        await shop.until(id, lambda found: found is None)
        assert len(shop.reported) == 1 and outside.done[id] == 1


async def test_tries_are_bounded_and_the_domain_hears_that_they_are_used_up(dsn: str) -> None:
    def told(effect: Any, envelope: Any, why: str) -> list[Any]:
        return [ReadNotification(notification_id=UUID(int=7))]

    outside = OutsideService(Plain=[RuntimeError("no")] * 3)
    async with Workshop(dsn, *outside.kinds(tries=3, exhausted=told)) as shop:
        await shop.start()
        (id,) = await shop.put(Plain())
        found = await shop.until(id, lambda found: found["state"] == "exhausted" and not found["owing"])
        assert (found["attempts"], outside.tries[id]) == (3, 3) and "no" in found["last_error"]
        assert [command.notification_id.int for command, _ in shop.reported] == [7]
        assert (await shop.steer(id, "retry")).state == "done"
        await shop.until(id, lambda found: found is None)
        assert [command.notification_id for command, _ in shop.reported][1:] == [id]


async def test_what_fails_for_good_tells_its_domain_and_is_over(dsn: str) -> None:
    outside = OutsideService(Mailed=[EffectFailed("there is no such person", [ReadNotification(notification_id=UUID(int=5))])])
    async with Workshop(dsn, *outside.kinds()) as shop:
        await shop.start()
        (id,) = await shop.put(Mailed())
        await shop.until(id, lambda found: found is None)
        assert [command.notification_id.int for command, _ in shop.reported] == [5]


async def test_a_domain_of_money_hears_of_every_end_of_what_is_unknown_first(dsn: str) -> None:
    ends: list[tuple[str, str]] = []

    def ended(effect: Any, envelope: Any, end: str, why: str) -> list[Any]:
        ends.append((end, why))
        return [ReadNotification(notification_id=uuid4())]

    outside = OutsideService(Paid=[lost()])
    async with Workshop(dsn, *outside.kinds(ended=ended)) as shop:
        await shop.start()
        (id,) = await shop.put(Paid())
        await shop.until(id, lambda found: found is None)
        assert [end for end, _ in ends] == ["unknown", "done"] and outside.done[id] == 1
        assert len({identity for _, identity in shop.reported}) == len(shop.reported) == 3


async def test_after_a_restore_what_must_not_be_repeated_is_unknown_and_what_may_is_done(dsn: str) -> None:
    outside = OutsideService()
    async with Workshop(dsn, *outside.kinds()) as shop:
        plain, paid, mailed = await shop.put(Plain(), Paid(), Mailed(), wake=False)
        await shop.admin.execute("update log.head set epoch = 1, shared = '{0}'")
        await shop.start()
        await shop.until(mailed, lambda found: found["state"] == "unknown")
        await shop.until(plain, lambda found: found is None)
        await shop.until(paid, lambda found: found is None)  # nobody has done it, so it is done
        assert (outside.done[plain], outside.done[paid], outside.asked[paid], outside.tries[mailed]) == (1, 1, 1, 0)
        assert (await shop.steer(mailed, "settle_not_done")).state == "done"
        await shop.until(mailed, lambda found: found is None)
        assert outside.done[mailed] == 1


async def test_the_claim_itself_takes_nothing_that_is_older_than_a_restore(dsn: str) -> None:
    outside = OutsideService()
    async with Workshop(dsn, *outside.kinds()) as shop:
        await shop.start()
        await shop.put(Mailed())  # so that the runner has seen the epoch
        async with asyncio.timeout(20):
            while not outside.done:
                await asyncio.sleep(0.01)
        await shop.admin.execute("update log.head set epoch = 1, shared = '{0}'")
        (id,) = await shop.put(Mailed(), wake=False)
        await shop.set(id, "epoch = 0")
        found = await shop.until(id, lambda found: found["state"] == "unknown")
        assert not outside.tries[id] and found["epoch"] == 1


async def test_by_its_rule_what_is_unknown_counts_as_sent_or_given_up_after_its_hours(dsn: str) -> None:
    def sent(effect: Any, envelope: Any, why: str) -> list[Any]:
        return [ReadNotification(notification_id=UUID(int=1))]

    def given_up(effect: Any, envelope: Any, why: str) -> list[Any]:
        return [ReadNotification(notification_id=UUID(int=2))]

    for nature, told in ((Neither(1.0, "sent"), 1), (Neither(1.0, "given up"), 2)):
        outside = OutsideService(Mailed=[lost()])
        kind = EffectKind(name="mailed", payload=Mailed, run=outside.do, timeout=0.2, nature=nature, settled=sent, exhausted=given_up)
        async with Workshop(dsn, kind) as shop:
            await shop.start()
            (id,) = await shop.put(Mailed())
            await shop.until(id, lambda found: found["state"] == "unknown" and found["claim"] is None)
            await shop.set(id, "due_at = now()")
            await shop.until(id, lambda found: (found["due_at"] - found["unknown_at"]).total_seconds() > 3500)
            assert shop.reported == []
            await shop.set(id, "unknown_at = now() - interval '61 minutes', due_at = now()")
            await shop.until(id, lambda found: found is None)
            assert [command.notification_id.int for command, _ in shop.reported] == [told] and outside.done[id] == 1


async def test_a_person_settles_gives_up_and_is_told_what_does_not_fit(dsn: str) -> None:
    outside = OutsideService(Mailed=[lost(), lost()], Plain=[RuntimeError("no")] * 1000)
    async with Workshop(
        dsn, *outside.kinds(backoff=Backoff(60.0, 60.0), settled=lambda *_: [ReadNotification(notification_id=UUID(int=3))])
    ) as shop:
        await shop.start()
        one, two, plain = await shop.put(Mailed(), Mailed(), Plain())
        for id in (one, two):
            await shop.until(id, lambda found: found["state"] == "unknown" and found["claim"] is None)
        refused = await shop.steer(one, "retry")
        assert (refused.state, refused.problem.code) == ("refused", "effect.state") and "settle" in refused.problem.detail
        assert (await shop.steer(one, "settle_done", "the carrier says so")).state == "done"
        assert (await shop.steer(two, "settle_not_done")).state == "done"
        await shop.until(one, lambda found: found is None)
        await shop.until(two, lambda found: found is None)
        assert (outside.done[one], outside.done[two]) == (1, 2)
        await shop.until(plain, lambda found: found["last_error"] and found["claim"] is None)
        assert (await shop.steer(plain, "settle_done")).problem.code == "effect.state"
        assert (await shop.steer(plain, "pause")).problem.code == "effect.state"
        assert (await shop.steer(plain, "give_up")).state == "done"
        await shop.until(plain, lambda found: found is None)
        events = await shop.admin.fetch("select body, actor from notification.outbox where type like '%effect.steered%' order by id")
        acts = [(found["effect_id"], found["act"]) for found in (msgspec.json.decode(event["body"]) for event in events)]
        assert acts == [(str(one), "settle_done"), (str(two), "settle_not_done"), (str(plain), "give_up")]


async def test_no_tenant_acts_on_anothers_effect(dsn: str) -> None:
    outside = OutsideService()
    async with Workshop(dsn, *outside.kinds()) as shop:
        (id,) = await shop.put(Plain(), wake=False)
        (other,) = await shop.put(Plain(), wake=False)
        tenant = (await shop.row(other))["tenant_id"]
        await shop.admin.execute("update notification.effects set tenant_id = $1 where id = $2", uuid4(), id)
        row_of = shop.row

        async def mine(_: UUID) -> Any:
            return {"tenant_id": tenant}

        shop.row = mine  # type: ignore[method-assign]
        refused = await shop.steer(id, "give_up")
        shop.row = row_of  # type: ignore[method-assign]
        assert refused.problem.code == "effect.not_found" and (await shop.row(id))["state"] == "due"


async def test_bulk_does_not_delay_what_a_person_waits_for(dsn: str) -> None:
    outside = OutsideService()
    outside.going.clear()
    bulk = EffectKind(name="mailed", payload=Mailed, run=outside.do, lane="bulk", timeout=60.0)

    async def at_once(effect: Any, call: Any, tools: Any) -> list[Any]:
        return []

    prompt = EffectKind(name="plain", payload=Plain, run=at_once)
    async with Workshop(dsn, bulk, prompt) as shop:
        await shop.start()
        await shop.put(*(Mailed() for _ in range(300)))
        async with asyncio.timeout(30):
            while outside.done.total() < 64:
                await asyncio.sleep(0.01)
        (id,) = await shop.put(Plain())
        await shop.until(id, lambda found: found is None)
        assert outside.done.total() == 64 == sum(len(slots.rows) for slots in shop.runner._all)  # nothing more is in memory
        assert await shop.admin.fetchval("select count(*) from notification.effects where claim is not null") == 64
        outside.going.set()


async def test_each_tenant_has_its_turn_however_much_another_has_to_do(dsn: str) -> None:
    order: list[UUID] = []

    async def note(effect: Any, call: Any, tools: Any) -> list[Any]:
        order.append(call.envelope.tenant)
        return []

    async with Workshop(dsn, EffectKind(name="plain", payload=Plain, run=note, lane="chunks")) as shop:
        loud, quiet = uuid4(), [uuid4() for _ in range(5)]
        await shop.put(*(Plain() for _ in range(200)), tenant=loud, wake=False)
        for tenant in quiet:
            await shop.put(Plain(), tenant=tenant, wake=False)
        await shop.start()
        async with asyncio.timeout(30):
            while len(order) < 205:
                await asyncio.sleep(0.01)
        assert max(order.index(tenant) for tenant in quiet) < 20


async def test_a_destination_gets_no_more_than_its_rate_bears_and_others_do_not_wait_for_it(dsn: str) -> None:
    outside = OutsideService()
    to = Destination(of=lambda effect: effect.to, per_second=0.5, burst=3)
    async with Workshop(dsn, *outside.kinds(destination=to)) as shop:
        tenant = uuid4()
        await shop.start()
        slow = await shop.put(*(Plain("slow") for _ in range(20)), tenant=tenant)
        quick = await shop.put(*(Plain("quick") for _ in range(3)), tenant=tenant)
        for id in quick:
            await shop.until(id, lambda found: found is None)
        async with asyncio.timeout(20):
            while sum(outside.done[id] for id in slow) < 3:
                await asyncio.sleep(0.01)
        assert [sum(outside.tries[id] for id in ids) for ids in (slow, quick)] == [3, 3]
        await shop.admin.execute("update notification.destinations set tat = tat - interval '4 seconds'")
        shop.runner._later(0.0)
        async with asyncio.timeout(20):
            while sum(outside.done[id] for id in slow) < 5:
                await asyncio.sleep(0.01)


async def test_a_destination_that_fails_is_left_in_peace_but_for_one_probe_at_a_time(dsn: str) -> None:
    outside = OutsideService(Plain=[NotSent("away")] * 1000)
    to = Destination(of=lambda effect: "there", failures=3, rest=3600.0)
    async with Workshop(dsn, *outside.kinds(destination=to, tries=0)) as shop:
        tenant = uuid4()
        await shop.put(*(Plain() for _ in range(50)), tenant=tenant, wake=False)
        await shop.start()
        one = "select failures, opens_at > now() as rests from notification.destinations"
        async with asyncio.timeout(20):
            while not ((found := await shop.admin.fetchrow(one)) and found["rests"] and not shop.runner.busy):
                await asyncio.sleep(0.02)
        tried = outside.tries.total()
        for fails in (True, False):
            if not fails:
                outside.ways["Plain"].clear()
            await shop.admin.execute("update notification.destinations set opens_at = now() - interval '1 second'")
            async with asyncio.timeout(20):
                while outside.tries.total() == tried or shop.runner.busy:
                    await shop.admin.execute("update notification.effects set due_at = now() where claim is null")
                    shop.runner._later(0.0)  # again and again: the runner may just have settled when it looks next
                    await asyncio.sleep(0.02)
            if fails:
                tried += 1
                assert outside.tries.total() == tried
                assert (await shop.admin.fetchrow(one))["rests"]
        async with asyncio.timeout(20):
            while await shop.admin.fetchval("select count(*) from notification.effects"):
                shop.runner._later(0.0)
                await asyncio.sleep(0.02)


async def test_chunks_go_on_behind_the_cursor_and_none_that_is_kept_is_repeated(dsn: str) -> None:
    """One of them fails, and its process is replaced in the middle of another."""
    failing, hanging = [True], asyncio.Event()

    async def step(effect: Long, cursor: int, conn: Any, call: Any, tools: Any) -> Step:
        await conn.execute("insert into notification.cursors values ($1, 0)", f"chunk {cursor}")  # a second time is an error
        if cursor == 1 and failing:
            failing.clear()
            raise RuntimeError("not now")
        if cursor == 3 and not hanging.is_set():
            hanging.set()
            await asyncio.sleep(60)
        return Step(cursor + 1, [ReadNotification(notification_id=UUID(int=cursor))], last=cursor + 1 == effect.chunks)

    kind = EffectKind(name="long", payload=Long, nature=Chunked(step, int, lambda effect: 0), lane="chunks", backoff=SOON)
    async with Workshop(dsn, kind) as shop, Workshop(dsn, kind) as other:
        await shop.start()
        (id,) = await shop.put(Long(6))
        async with asyncio.timeout(30):
            await hanging.wait()
        assert (await shop.row(id))["chunks"] == 3
        await shop.stop()
        await other.start()
        await shop.until(id, lambda found: found is None)
        told = [command.notification_id.int for command, _ in (*shop.reported, *other.reported)]
        assert told == [0, 1, 2, 3, 4, 5] and len({identity for _, identity in (*shop.reported, *other.reported)}) == 6
        assert await shop.admin.fetchval("select count(*) from notification.cursors where name like 'chunk%'") == 6


async def test_long_work_is_paused_resumed_and_cancelled(dsn: str) -> None:
    gate = asyncio.Semaphore(0)

    async def step(effect: Long, cursor: int, conn: Any, call: Any, tools: Any) -> Step:
        await gate.acquire()
        return Step(cursor + 1)

    told = [ReadNotification(notification_id=UUID(int=9))]
    kind = EffectKind(name="long", payload=Long, nature=Chunked(step, int, lambda _: 0), lane="chunks", exhausted=lambda *_: told)
    async with Workshop(dsn, kind) as shop:
        await shop.start()
        (id,) = await shop.put(Long())
        gate.release()
        await shop.until(id, lambda found: found["chunks"] == 1)
        assert (await shop.steer(id, "pause")).state == "done"
        gate.release()  # for the chunk that has begun
        await shop.until(id, lambda found: found["chunks"] <= 2 and found["claim"] is None)
        stands = (await shop.row(id))["chunks"]
        assert (await shop.steer(id, "pause")).problem.code == "effect.state"
        assert (await shop.steer(id, "resume")).state == "done"
        gate.release()
        await shop.until(id, lambda found: found["chunks"] > stands)
        assert (await shop.steer(id, "cancel", "nobody needs it")).state == "done"
        gate.release()
        await shop.until(id, lambda found: found is None)
        assert [command.notification_id.int for command, _ in shop.reported] == [9]


async def test_a_row_of_the_release_before_is_carried_out_and_one_that_nobody_can_read_stays(dsn: str) -> None:
    outside = OutsideService()
    async with Workshop(dsn, *outside.kinds()) as shop:
        (old,) = await shop.put(Plain("before"), wake=False)
        (strange,) = await shop.put(Plain("x"), wake=False)
        columns = "tenant_id, id, kind, payload, envelope, attempts, due_at, last_error"
        await shop.admin.execute(
            f"with gone as (delete from notification.effects where id = $1 returning {columns})"
            f" insert into notification.effects ({columns}) select {columns} from gone", old
        )  # fmt: skip
        await shop.admin.execute("update notification.effects set kind = 'of another release' where id = $1", strange)
        await shop.start()
        await shop.until(old, lambda found: found is None)
        found = await shop.until(strange, lambda found: found["last_error"] != "")
        assert outside.done[old] == 1 and found["state"] == "due" and "no kind" in found["last_error"]


async def test_a_planned_stop_lets_what_is_under_way_come_to_its_end_and_begins_nothing(dsn: str) -> None:
    outside = OutsideService()
    outside.going.clear()
    async with Workshop(dsn, *outside.kinds(timeout=30.0)) as shop:
        await shop.start()
        (begun,) = await shop.put(Mailed())
        async with asyncio.timeout(20):
            while not outside.done[begun]:
                await asyncio.sleep(0.01)
        resting = asyncio.create_task(shop.runner.rest())
        await asyncio.sleep(0)
        (late,) = await shop.put(Mailed())
        outside.going.set()
        await resting
        assert await shop.row(begun) is None and not outside.tries[late] and len(shop.reported) == 1


async def test_a_standby_carries_nothing_out(dsn: str) -> None:
    outside = OutsideService()
    async with Workshop(dsn, *outside.kinds()) as leader, Workshop(dsn, *outside.kinds()) as standby:
        await leader.start()
        standby._tasks = [asyncio.create_task(standby.runner.run())]
        ids = await leader.put(*(Plain() for _ in range(50)))
        standby.runner._later(0.0)
        for id in ids:
            await leader.until(id, lambda found: found is None)
        assert standby.reported == [] and set(outside.tries.values()) == {1}


async def test_a_takeover_finds_what_was_claimed_and_what_a_restore_puts_in_doubt_by_an_index(dsn: str) -> None:
    async with Workshop(dsn, EffectKind(name="plain", payload=Plain)) as at:
        await at.put(*(Plain() for _ in range(3000)), wake=False)
        await at.admin.execute("analyze notification.effects")
        q = at.store.q
        async with at.store.transaction(None):
            await at.store.conn.execute("set local enable_seqscan = off")
            for statement, args, index in (
                (q.take_over_effects, ([], 1), "effects_claimed"),
                (q.doubt_restored, (2.0, 1), "effects_of_epoch"),
            ):
                plan = "\n".join(row[0] for row in await at.store.conn.fetch(f"explain (costs off) {statement}", *args))
                assert index in plan and "Seq Scan on effects" not in plan and "effects_due" not in plan, plan
