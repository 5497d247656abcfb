"""Finished objects are read once, by turns of tenants, and an answer waits for neither a slow store nor a large object."""

import asyncio
from hashlib import sha256
from uuid import uuid4

import pytest

from adapters.object_store import Content, Stat, StoreUnavailable
from api_edge.handlers import object_checks
from api_edge.handlers.object_checks import OF_TENANT, ObjectChecks

WHOLE = sha256(b"whole").hexdigest()
ONE, OTHER = uuid4(), uuid4()


class Slow:
    """A store of objects of five bytes that answers when it is let."""

    def __init__(self) -> None:
        self.answers, self.stats = asyncio.Event(), asyncio.Event()
        self.stats.set()
        self.read: list[str] = []
        self.version = "1"

    async def stat(self, key: str) -> Stat | None:
        await self.stats.wait()
        return Stat(5, self.version)

    async def content(self, key: str) -> Content:
        self.read.append(key)
        if key.startswith("slow"):
            await self.answers.wait()
        if key == "away":
            raise StoreUnavailable("away")
        return Content(WHOLE, self.version)


async def test_an_object_is_read_once_until_its_version_or_a_doubt_is_new() -> None:
    store, known = Slow(), ObjectChecks()
    both = await asyncio.gather(*(known.look(store, ONE, "a", WHOLE, 5) for _ in range(2)))
    assert [seen.state for seen in both] == ["whole"] * 2 and store.read == ["a"]
    await known.look(store, OTHER, "a", WHOLE, 5)
    assert store.read == ["a"]
    await known.look(store, ONE, "a", WHOLE, 5, "the scrubber's of noon")
    store.version = "2"
    await known.look(store, ONE, "a", WHOLE, 5)
    assert store.read == ["a"] * 3
    assert (await known.look(store, ONE, "a", "0" * 64, 5)).state == "damaged"
    assert (await known.look(store, ONE, "a", WHOLE, 6)).state == "damaged" and len(store.read) == 4


async def test_what_takes_long_is_said_to_be_checked_and_is_known_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_checks, "FIRST_CHECK_WITHIN", 0.01)
    store, known = Slow(), ObjectChecks()
    assert (await known.look(store, ONE, "slow", WHOLE, 5)).state == "checking"
    store.answers.set()
    while (await known.look(store, ONE, "slow", WHOLE, 5)).state != "whole":
        pass
    assert store.read == ["slow"]


async def test_one_tenants_large_objects_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    store, known = Slow(), ObjectChecks()
    many = [asyncio.create_task(known.look(store, ONE, f"slow {number}", WHOLE, 5)) for number in range(50)]
    while len(store.read) < OF_TENANT:
        await asyncio.sleep(0)
    assert (await known.look(store, OTHER, "quick", WHOLE, 5)).state == "whole"
    assert len(store.read) == OF_TENANT + 1
    store.answers.set()
    assert {seen.state for seen in await asyncio.gather(*many)} == {"whole"}
    assert not known._reading and not known._of_tenant


async def test_a_store_that_does_not_answer_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_checks, "STAT_WITHIN", 0.01)
    store, known = Slow(), ObjectChecks()
    assert (await known.look(store, ONE, "away", WHOLE, 5)).state == "unknown"
    store.stats.clear()
    assert (await known.look(store, ONE, "a", WHOLE, 5)).state == "unknown"
    store.stats.set()
    assert (await known.look(store, ONE, "a", WHOLE, 5)).state == "whole"


async def test_what_was_read_is_believed_of_the_version_that_was_read_and_of_no_other() -> None:
    """Whoever can replace an object shows the good one while it is read, and the bad one before and after."""
    store, known = Slow(), ObjectChecks()
    store.version = "bad"
    looking = asyncio.create_task(known.look(store, ONE, "slow", WHOLE, 5))
    while not store.read:
        await asyncio.sleep(0)
    store.version = "good"
    store.answers.set()
    await looking
    store.version = "bad"
    await known.look(store, ONE, "slow", WHOLE, 5)
    assert store.read == ["slow"] * 2
