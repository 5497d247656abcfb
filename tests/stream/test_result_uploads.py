"""Results go to the real store once: what lies there is never replaced, and a node whose answer was lost knows its own."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from adapters.object_store import ObjectStore, StoreUnavailable
from cli.doctor_store import asked
from deploy.local.servers import Servers
from deploy.store_probe import probed
from node_worker.failures import PartFailed
from node_worker.transfer import Transfers
from tests.stream.lossy_wire import LossyWire

pytestmark = pytest.mark.timeout(60)


@pytest_asyncio.fixture(loop_scope="session")
async def wire(servers: Servers) -> AsyncIterator[LossyWire]:
    async with LossyWire(servers.s3_url) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def store(servers: Servers, wire: LossyWire) -> AsyncIterator[ObjectStore]:
    """Its addresses lead through the wire."""
    public = wire.url.replace("nats://", "http://")
    async with ObjectStore(servers.s3_url, "results", servers.s3_access_key, servers.s3_secret_key, public) as opened:
        await opened.ensure_bucket()
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def transfers() -> AsyncIterator[Transfers]:
    one = Transfers(patience=20)
    yield one
    await one.close()


def result(folder: Path, size: int) -> tuple[Path, str]:
    path = folder / "result"
    path.write_bytes(os.urandom(size))
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("size", [0, 1000, 300_000, 20_000_000])
async def test_a_result_whose_answer_was_lost_is_done_when_it_is_sent_again(
    store: ObjectStore, wire: LossyWire, transfers: Transfers, tmp_path: Path, size: int
) -> None:
    path, sha256 = result(tmp_path, size)
    key = f"lost/{size}"
    wire.swallow_answers()
    sending = asyncio.create_task(transfers.upload(path, store.presign_put(key, 60), "video/mp4"))
    while await store.head(key) is None:
        assert not sending.done()
        await asyncio.sleep(0.02)
    await wire.cut()
    await sending
    assert await store.sha256(key) == sha256


@pytest.mark.parametrize("size", [1000, 20_000_000])
async def test_what_somebody_else_put_there_is_neither_replaced_nor_taken_for_done(
    store: ObjectStore, transfers: Transfers, tmp_path: Path, size: int
) -> None:
    path, _ = result(tmp_path, size)
    key = f"taken/{size}"
    await store.put(key, b"somebody else's")
    with pytest.raises(PartFailed) as failure:
        await transfers.upload(path, store.presign_put(key, 60), "video/mp4")
    assert failure.value.code == "node.object_taken"
    assert await store.get(key, 100) == b"somebody else's"


async def test_a_finished_result_cannot_be_sent_again_with_other_bytes(store: ObjectStore, transfers: Transfers, tmp_path: Path) -> None:
    path, sha256 = result(tmp_path, 1000)
    address = store.presign_put("twice", 60)
    await transfers.upload(path, address, "video/mp4")
    path.write_bytes(b"<html>")
    with pytest.raises(PartFailed):
        await transfers.upload(path, address, "video/mp4")
    assert await store.sha256("twice") == sha256


async def test_an_address_of_an_earlier_farm_works_as_it_did(store: ObjectStore, transfers: Transfers, tmp_path: Path) -> None:
    path, _ = result(tmp_path, 1000)
    address = store.presign_put("old", 60, replaces=True)
    await transfers.upload(path, address, "video/mp4")
    path.write_bytes(b"again")
    await transfers.upload(path, address, "video/mp4")
    assert await store.get("old", 100) == b"again"


async def test_the_local_store_keeps_every_promise_that_addresses_rely_on(store: ObjectStore) -> None:
    promises = await probed(store)
    assert len(promises) == 5 and all(one.kept for one in promises), promises


class Lax(ObjectStore):
    """Its addresses ask for nothing, as if the store did not look at what they ask for."""

    def presign_put(self, key: str, seconds: int, *, replaces: bool = False) -> str:
        return super().presign_put(key, seconds, replaces=True)


async def test_doctor_says_which_promise_a_store_does_not_keep_and_which_store_cannot_be_asked(servers: Servers) -> None:
    keys = "results", servers.s3_access_key, servers.s3_secret_key
    good = await asked(ObjectStore(servers.s3_url, *keys))
    assert good.good and good.text.count("; ") == 4, good
    lax = await asked(Lax(servers.s3_url, *keys))
    assert (lax.good, "and 200 without the header" in lax.text) == (False, True) and "If-None-Match" in lax.advice, lax
    away = await asked(ObjectStore("http://127.0.0.1:1", *keys))
    assert not away.good and "FLATRENDER_S3_URL" in away.advice, away
    hidden = await asked(ObjectStore(servers.s3_url, *keys, "http://127.0.0.1:1"))
    assert not hidden.good and "public address" in hidden.text, hidden


async def test_a_body_that_began_before_another_was_finished_replaces_nothing(store: ObjectStore) -> None:
    """Who holds an address sends two bodies at once, and holds the end of the second back until the first was looked at."""
    address = URL(store.presign_put("race", 60), encoded=True)
    good, bad = os.urandom(1000), os.urandom(1000)
    async with aiohttp.ClientSession() as http:
        go_on = asyncio.Event()

        async def held() -> AsyncIterator[bytes]:
            yield bad[:500]
            await go_on.wait()
            yield bad[500:]

        headers = {"If-None-Match": "*", "Content-Length": "1000"}
        late = asyncio.create_task(_answer(http.put(address, data=held(), headers=headers)))
        await asyncio.sleep(0.5)
        first = await _answer(http.put(address, data=good, headers={"If-None-Match": "*"}))
        go_on.set()
        second = await late
    assert (first, second >= 400, await store.get("race", 2000) == good) == (200, True, True), (first, second)


async def test_a_part_that_tells_no_length_is_refused(store: ObjectStore) -> None:
    upload = await store.create_multipart("chunked", "video/mp4")
    address = URL(store.presign_part("chunked", upload, 1, 60, 10), encoded=True)

    async def long() -> AsyncIterator[bytes]:
        yield b"a" * 10
        yield b"a" * 1000

    async with aiohttp.ClientSession() as http:
        assert await _answer(http.put(address, data=long())) >= 400
        assert await _answer(http.put(address, data=b"a" * 10)) == 200


async def test_an_object_that_breaks_off_while_it_is_read_is_a_store_that_is_away(servers: Servers, wire: LossyWire) -> None:
    keys = "results", servers.s3_access_key, servers.s3_secret_key
    async with ObjectStore(servers.s3_url, *keys) as store, ObjectStore(wire.url.replace("nats://", "http://"), *keys) as wired:
        await store.put("long", os.urandom(40_000_000))
        reading = asyncio.create_task(wired.sha256("long"))
        while wire.carried < 1_000_000:
            assert not reading.done()
            await asyncio.sleep(0)
        await wire.cut()
        with pytest.raises(StoreUnavailable):
            await reading


async def _answer(asked: Any) -> int:
    async with asked as answer:
        return answer.status
