"""Effects whose functions do what none should: each costs itself, and no other anything."""

import asyncio
from collections import Counter
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from consumers.runtime.effects.declared import (
    REPEATABLE,
    Asking,
    Backoff,
    Destination,
    Done,
    EffectFailed,
    EffectKind,
    Nature,
    Neither,
    NotSent,
)
from contracts.file_mgr.uploads import FailUpload
from contracts.message import MAX_BODY
from contracts.notification.notifications import ReadNotification
from tests.support.effects import Workshop

pytestmark = pytest.mark.timeout(90)
SOON = Backoff(0.02, 0.02)


class Good(msgspec.Struct, frozen=True):
    """Behaves."""


class Bad(msgspec.Struct, frozen=True):
    """Does not."""


class _Own(BaseException):
    """No Exception."""


def telling(reason: Any) -> Any:
    """A function's answer, which holds this."""
    return [FailUpload(upload_id=uuid4(), reason=reason)]


WAYS: dict[str, Any] = {
    "U+0000": telling("\x00"),
    "half a character": telling("\ud800"),
    "no JSON": telling(object()),
    "too large": telling("x" * MAX_BODY),
    "no command": [Good()],
    "no list": None,
    "cancelled from within": asyncio.CancelledError(),
    "exit": SystemExit(1),
    "no exception": _Own(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("nature", [REPEATABLE, Neither()], ids=lambda nature: type(nature).__name__)
async def test_an_answer_that_cannot_be_kept_or_told_is_an_error_of_its_own_effect_alone(dsn: str, way: str, nature: Nature) -> None:
    together, begun = asyncio.Event(), Counter[type]()

    async def run(effect: Any, call: Any, tools: Any) -> Any:
        call.begin()
        begun[type(effect)] += 1
        if begun.total() >= 4:  # all end at one moment, so that they are written together
            together.set()
        await together.wait()
        if isinstance(effect, Good):
            return [ReadNotification(notification_id=call.key)]
        if isinstance(WAYS[way], BaseException):
            raise WAYS[way]
        return WAYS[way]

    given: dict[str, Any] = {"run": run, "nature": nature, "at_once": 8, "backoff": SOON, "tries": 2}
    kinds = EffectKind(name="good", payload=Good, **given), EffectKind(name="bad", payload=Bad, **given)
    async with Workshop(dsn, *kinds) as shop:
        await shop.start()
        *good, bad = await shop.put(Good(), Good(), Good(), Bad())
        for id in good:
            await shop.until(id, lambda found: found is None)
        state = "exhausted" if nature is REPEATABLE else "unknown"
        found = await shop.until(bad, lambda found: found["state"] == state and found["claim"] is None)
        assert found["last_error"] and begun[Bad] == (2 if nature is REPEATABLE else 1)
        assert {command.notification_id for command, _ in shop.reported} == set(good)


async def test_what_the_other_side_tells_and_cannot_be_told_on_is_asked_for_again(dsn: str) -> None:
    answers = [Done(telling("\x00")), Done(telling("x" * MAX_BODY)), Done(telling("fine"))]

    async def run(effect: Any, call: Any, tools: Any) -> Any:
        call.begin()
        raise ConnectionError("the answer is lost")

    async def ask(effect: Any, call: Any, tools: Any) -> Any:
        return answers.pop(0)

    async with Workshop(dsn, EffectKind(name="bad", payload=Bad, run=run, nature=Asking(ask), timeout=0.1)) as shop:
        await shop.start()
        (id,) = await shop.put(Bad())
        for left in (2, 1):
            await shop.until(id, lambda found, left=left: found["state"] == "unknown" and len(answers) == left and found["claim"] is None)
            await shop.set(id, "due_at = now()")
        await shop.until(id, lambda found: found is None)
        assert [command.reason for command, _ in shop.reported] == ["fine"]


async def test_when_a_kinds_reports_cannot_be_made_the_effect_stays_for_a_release_that_can(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = True

    def told(*_: Any) -> Any:
        return telling("\x00" if broken else "fine")

    async def run(effect: Any, call: Any, tools: Any) -> Any:
        raise EffectFailed("no")

    async with Workshop(dsn, EffectKind(name="bad", payload=Bad, run=run, exhausted=told, backoff=SOON)) as shop:
        await shop.start()
        (id,) = await shop.put(Bad())
        await shop.until(id, lambda found: found["state"] == "exhausted")
        assert (await shop.steer(id, "give_up")).state == "done"
        found = await shop.until(id, lambda found: "U+0000" in found["last_error"])
        assert (found["state"], found["ended"], found["owing"], found["claim"]) == ("done", "given_up", True, None)
        assert "ALARM" in caplog.text
        broken = False
        await shop.set(id, "due_at = now()")
        await shop.until(id, lambda found: found is None)
        assert [command.reason for command, _ in shop.reported] == ["fine"]


@pytest.mark.parametrize("tenants", [150, 450])
async def test_a_lane_rests_while_nothing_is_due_however_many_wait_and_does_at_once_what_comes(dsn: str, tenants: int) -> None:
    async def run(effect: Any, call: Any, tools: Any) -> Any:
        return []

    async with Workshop(dsn, EffectKind(name="good", payload=Good, run=run)) as shop:
        for _ in range(tenants):
            await shop.put(Good(), wake=False)
        await shop.admin.execute("update notification.effects set due_at = now() + interval '1 hour'")
        claims, claim = 0, shop.runner._rows.claim

        async def counted(*given: Any) -> Any:
            nonlocal claims
            claims += 1
            return await claim(*given)

        shop.runner._rows.claim = counted  # type: ignore[method-assign]
        await shop.start()
        while not claims:
            await asyncio.sleep(0.01)
        await asyncio.sleep(1.5)  # what does not happen in it can only be too little
        assert claims <= 12, f"{claims} claims, and nothing was due"
        (id,) = await shop.put(Good())
        await shop.until(id, lambda found: found is None)


async def test_a_destination_that_refuses_for_good_answers_again_and_the_others_need_not_wait(dsn: str) -> None:
    away = True

    async def run(effect: Any, call: Any, tools: Any) -> Any:
        if away:
            raise NotSent("away")
        raise EffectFailed("there is no such address", telling("gone"))

    to = Destination(of=lambda effect: "one", failures=2, rest=0.05)
    async with Workshop(dsn, EffectKind(name="bad", payload=Bad, run=run, backoff=SOON, tries=0, destination=to)) as shop:
        await shop.start()
        ids = await shop.put(*(Bad() for _ in range(6)), tenant=uuid4())
        async with asyncio.timeout(20):
            while not await shop.admin.fetchval("select count(*) from notification.destinations where opens_at is not null"):
                await asyncio.sleep(0.01)
        away = False
        for id in ids:
            await shop.until(id, lambda found: found is None)
