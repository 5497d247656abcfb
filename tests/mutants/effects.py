"""The promises about effects as checks over a real database, and for each a small wrong change that breaks it."""

import asyncio
import inspect
import re
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import msgspec

from consumers.runtime.effects import execution, row
from consumers.runtime.effects.declared import Asking, Destination, Done, EffectKind, Neither, NotSent
from consumers.runtime.effects.execution import Carrier
from consumers.runtime.effects.row import Claimed, Try
from consumers.runtime.effects.statements import Statements
from consumers.runtime.store import Store
from contracts.effects import EffectEnd
from contracts.ids import new_id
from contracts.notification.notifications import ReadNotification
from tests.mutants.checks import Broken, hold
from tests.support.effects import Workshop

SOON = 20.0  # seconds: longer than anything here takes on a slow machine
Mutation = Callable[[], AbstractContextManager[Any]]


class Task(msgspec.Struct, frozen=True):
    """May be repeated."""

    number: int = 0


class Pay(msgspec.Struct, frozen=True):
    """Can be asked for."""

    number: int = 0


class Mail(msgspec.Struct, frozen=True):
    """Can neither be repeated nor asked for."""

    number: int = 0


class OutsideService:
    """Does what it is asked to; of the first `lost` it does not say so, and what is `held` it does when it is let go."""

    def __init__(self, lost: int = 0, refuses: bool = False) -> None:
        self.done: Counter[UUID] = Counter()
        self.tried = 0
        self._lost, self._refuses = lost, refuses
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def do(self, effect: Any, call: Any, tools: Any) -> list[Any]:
        self.tried += 1
        if self._refuses:
            raise NotSent("the world is away")
        call.begin()
        self.done[call.key] += 1
        if self._lost:
            self._lost -= 1
            raise ConnectionError("the answer is lost")
        await self.let_go.wait()
        return [ReadNotification(notification_id=call.key)]

    async def ask(self, effect: Any, call: Any, tools: Any) -> Any:
        return Done() if self.done[call.key] else "not done"

    def kinds(self, **more: Any) -> tuple[EffectKind, ...]:
        given: dict[str, Any] = {"run": self.do, "timeout": 0.3} | more
        return (
            EffectKind(name="task", payload=Task, **given),
            EffectKind(name="pay", payload=Pay, nature=Asking(self.ask), **given),
            EffectKind(name="mail", payload=Mail, nature=Neither(), **given),
        )


async def _soon(what: str, is_so: Callable[[], Any]) -> None:
    """Wait until it is so, asked by a function or a coroutine. Raises Broken."""
    try:
        async with asyncio.timeout(SOON):
            while not (await found if inspect.isawaitable(found := is_so()) else found):
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise Broken(what) from None


async def what_must_not_be_repeated_is_done_once_whatever_is_lost(dsn: str) -> None:
    """I11: after a lost answer what can be asked is asked, what cannot waits for a person, and neither is sent again."""
    outside = OutsideService(lost=2)
    with patch.object(execution, "TO_BEGIN", 0.3):
        async with Workshop(dsn, *outside.kinds()) as shop:
            await shop.start()
            pay, mail = await shop.put(Pay(), Mail())

            async def settled() -> bool:
                found = await shop.row(mail)
                return await shop.row(pay) is None and found is not None and found["state"] == "unknown" and found["claim"] is None

            await _soon(f"they did not come to rest: done {dict(outside.done)}", settled)
            await asyncio.sleep(0.5)
    hold((outside.done[pay], outside.done[mail]) == (1, 1), f"done {outside.done[pay]} and {outside.done[mail]} times")


async def what_a_dead_leader_was_handing_over_is_not_sent_again(dsn: str) -> None:
    """I11: a successor does not send what its predecessor may have sent."""
    outside = OutsideService()
    outside.let_go.clear()
    async with Workshop(dsn, *outside.kinds(timeout=1.0)) as dead, Workshop(dsn, *outside.kinds(timeout=1.0)) as heir:
        await dead.start()
        (mail,) = await dead.put(Mail())
        await _soon("it was never begun", lambda: outside.done[mail])
        await dead.stop()
        outside.let_go.set()
        await heir.start()
        async with asyncio.timeout(SOON):
            while (found := await heir.row(mail)) is not None and found["state"] != "unknown":
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
    hold(outside.done[mail] == 1, f"done {outside.done[mail]} times")


async def who_wakes_too_late_sends_nothing(dsn: str) -> None:
    """I11: more than two seconds after it was marked nothing is sent."""
    outside, late = OutsideService(), [row.TO_BEGIN + 1.0]
    begin = Try.begin

    def begin_late(self: Try) -> None:
        now = row.clock()
        with patch.object(row, "clock", lambda: now + (late.pop() if late else 0.0)):
            begin(self)

    async with Workshop(dsn, *outside.kinds()) as shop:
        with patch.object(Try, "begin", begin_late):
            await shop.start()
            (mail,) = await shop.put(Mail())
            await _soon("it was never tried", lambda: outside.tried)
            await _soon("it was not tried again", lambda: outside.tried == 2)
    hold(outside.done[mail] <= 1, "it was sent too late")


async def an_answer_is_reported_though_its_process_died(dsn: str) -> None:
    """I11: what is done and not reported is reported by the successor, and not done again."""
    outside = OutsideService()
    async with Workshop(dsn, *outside.kinds()) as dead, Workshop(dsn, *outside.kinds()) as heir:
        dead.broken = 10**6
        await dead.start()
        (task,) = await dead.put(Task())
        await _soon("it was not done", lambda: outside.done[task])
        await asyncio.sleep(0.5)
        await dead.stop()
        await heir.start()
        await _soon("nobody reported it", lambda: heir.reported)
    hold(outside.done[task] == 1, f"it was done {outside.done[task]} times")


async def a_report_has_the_same_id_each_time(dsn: str) -> None:
    """I1: an answer that is published twice is one command."""
    outside = OutsideService()
    async with Workshop(dsn, *outside.kinds()) as shop:
        with patch.object(Statements, "drop", _forgets_to_drop):
            await shop.start()
            (task,) = await shop.put(Task())
            await _soon("it was not reported", lambda: shop.reported)
        await shop.set(task, "due_at = now(), claim = null")
        await _soon("it was not reported again", lambda: len(shop.reported) > 1)
    hold(len({identity for _, identity in shop.reported}) == 1, "two reports have two ids")


async def _forgets_to_drop(self: Statements, row: Claimed) -> bool:
    return True


async def a_restored_log_repeats_nothing(dsn: str) -> None:
    """I11: what was made before a restore, and must not be repeated, is not sent."""
    outside = OutsideService()
    async with Workshop(dsn, *outside.kinds()) as shop:
        (mail,) = await shop.put(Mail(), wake=False)
        await shop.admin.execute("update log.head set epoch = epoch + 1, shared = shared || 0::bigint")
        await shop.start()
        await asyncio.sleep(1.0)
        shop.runner._later(0.0)
        await asyncio.sleep(0.5)
    hold(not outside.done[mail], "it was sent, and perhaps for the second time")


async def no_more_than_a_lanes_slots_are_under_way(dsn: str) -> None:
    """I9: a backlog does not become memory."""
    outside = OutsideService()
    outside.let_go.clear()
    kind = EffectKind(name="task", payload=Task, run=outside.do, lane="chunks", timeout=60.0)
    async with Workshop(dsn, kind) as shop:
        await shop.start()
        await shop.put(*(Task(n) for n in range(30)))
        await _soon("nothing was begun", lambda: outside.tried >= 2)
        await asyncio.sleep(0.3)
        under_way = outside.tried
        outside.let_go.set()
    hold(under_way == 2, f"{under_way} were under way at once")


async def a_destination_that_is_away_is_left_in_peace(dsn: str) -> None:
    """I7: after some failures in a row only probes are sent."""
    outside = OutsideService(refuses=True)
    to = Destination(of=lambda effect: "there", failures=3, rest=3600.0)
    kind = EffectKind(name="task", payload=Task, run=outside.do, lane="chunks", destination=to, tries=0)
    async with Workshop(dsn, kind) as shop:
        await shop.put(*(Task(n) for n in range(60)), tenant=new_id(), wake=False)
        await shop.start()
        await asyncio.sleep(1.5)
    hold(outside.tried <= 10, f"{outside.tried} were tried")


def lost_answers_are_tried_again() -> Any:
    """What became unknown is done once more."""

    async def again(self: Carrier, row: Claimed, why: str) -> None:
        await self._again(row, why)

    return patch.object(Carrier, "_doubt", again)


def nothing_is_marked_before_it_is_sent() -> Any:
    """What must not be repeated stays due while it is handed over."""

    async def hand(self: Carrier, row: Claimed) -> None:
        await self._try(row, Try(row))

    return patch.object(Carrier, "_hand_over", hand)


def a_late_beginning_is_let_through() -> Any:
    """Who wakes sends what it was about to send."""
    return patch.object(execution, "TO_BEGIN", 10**6)


def answers_are_kept_in_memory_alone() -> Any:
    """An effect is reported, then forgotten, and between the two nothing stands in its row."""
    move = Statements.move

    async def forgetting(self: Statements, given: Any) -> bool:
        if given.owing:
            return True
        return await move(self, given)

    return patch.object(Statements, "move", forgetting)


def reports_have_new_ids() -> Any:
    """Each publishing is another command."""

    def new(self: Claimed, number: int, ended: EffectEnd) -> UUID:
        return uuid4()

    return patch.object(Claimed, "report_id", new)


def epochs_are_not_looked_at() -> Any:
    """A restored database goes on as if nothing had been sent since."""
    make = Store.__init__

    def without(self: Store, conn: Any, domain: str) -> None:
        make(self, conn, domain)
        self.q.claim_effects = self.q.claim_effects.replace("e.repeatable or e.epoch = h.epoch", "true")
        self.q.doubt_restored = self.q.doubt_restored.replace("not e.repeatable and", "false and")

    return patch.object(Store, "__init__", without)


def all_that_is_due_is_claimed() -> Any:
    """A claim takes more than there are free slots."""
    claim = Statements.claim

    async def more(self: Statements, lane: Any, behind: Any, free: int, own: Any, grace: float) -> Any:
        return await claim(self, lane, behind, 500, own, grace)

    return patch.object(Statements, "claim", more)


def nobody_minds_failures() -> Any:
    """A destination is asked as often as there is something for it."""
    make = Store.__init__

    def without(self: Store, conn: Any, domain: str) -> None:
        make(self, conn, domain)
        self.q.hear_destination = re.sub(r"d\.failures \+ 1 >= \$4::int", "false", self.q.hear_destination)

    return patch.object(Store, "__init__", without)


RED: list[tuple[Callable[[str], Any], Mutation]] = [
    (what_must_not_be_repeated_is_done_once_whatever_is_lost, lost_answers_are_tried_again),
    (what_a_dead_leader_was_handing_over_is_not_sent_again, nothing_is_marked_before_it_is_sent),
    (who_wakes_too_late_sends_nothing, a_late_beginning_is_let_through),
    (an_answer_is_reported_though_its_process_died, answers_are_kept_in_memory_alone),
    (a_report_has_the_same_id_each_time, reports_have_new_ids),
    (a_restored_log_repeats_nothing, epochs_are_not_looked_at),
    (no_more_than_a_lanes_slots_are_under_way, all_that_is_due_is_claimed),
    (a_destination_that_is_away_is_left_in_peace, nobody_minds_failures),
]
