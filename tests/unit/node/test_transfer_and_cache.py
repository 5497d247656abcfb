"""Files come once, whole and with the right bytes, over broken connections, and leave when room is needed."""

import asyncio
import hashlib
import os
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from node_worker.cache import Cache
from node_worker.failures import PartFailed
from node_worker.transfer import TooLarge, Transfers
from tests.unit.node.store import Store

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(30)]
LARGE = os.urandom(300_000)


@pytest_asyncio.fixture
async def store():
    one = Store()
    await one.start()
    yield one
    await one.stop()


@pytest_asyncio.fixture
async def transfers():
    one = Transfers(patience=20)
    yield one
    await one.close()


@asynccontextmanager
async def cache_of(folder, transfers, limit=1 << 30):
    (folder / "cache").mkdir(exist_ok=True)
    cache = Cache(folder / "cache", transfers, limit)
    cache.load()
    yield cache


def cached(folder):
    return {path.name for path in (folder / "cache").glob("*/*")}


async def test_a_broken_download_goes_on_where_it_stopped(store, transfers, tmp_path):
    sha256, url = store.add(LARGE)
    store.cut = [100_000, 50_000]
    assert await transfers.download(url, tmp_path / "file") == (sha256, len(LARGE))
    assert (tmp_path / "file").read_bytes() == LARGE
    ranges = [request[2] for request in store.requests]
    assert len(ranges) == 3 and ranges[0] == "" and ranges[2].startswith("bytes=") and ranges[1] != ranges[2]


async def test_a_download_that_is_longer_than_allowed_is_refused(store, transfers, tmp_path):
    _, url = store.add(LARGE)
    with pytest.raises(TooLarge):
        await transfers.download(url, tmp_path / "file", 1000)
    with pytest.raises(TooLarge):
        await transfers.read(url, len(LARGE) - 1)
    assert await transfers.read(url, len(LARGE)) == LARGE


async def test_an_overloaded_store_is_asked_again_and_a_refusing_one_is_not(store, transfers, tmp_path):
    (tmp_path / "file").write_bytes(LARGE)
    store.answers = [web.Response(status=503), web.Response(status=429)]
    await transfers.upload(tmp_path / "file", store.url("target"), "video/mp4")
    assert store.objects["target"] == LARGE
    store.answers = [web.Response(status=403, headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})]
    with pytest.raises(PartFailed, match=r"403.*clock is \d+ s away") as failure:
        await transfers.upload(tmp_path / "file", store.url("target"), "video/mp4")
    assert failure.value.code == "node.address_expired"
    assert store.count("target") == 4


async def test_an_address_that_is_none_fails_at_once(transfers, tmp_path):
    with pytest.raises(PartFailed, match=r"node\.manifest"):
        await transfers.download("", tmp_path / "file")


async def test_two_parts_that_need_a_file_fetch_it_once(store, transfers, tmp_path):
    sha256, url = store.add(LARGE)
    store.delay = 0.05

    async def use(cache):
        async with cache.use({sha256: url}) as files:
            return hashlib.file_digest(open(files[sha256], "rb"), "sha256").hexdigest()

    async with cache_of(tmp_path, transfers) as cache:
        assert await asyncio.gather(use(cache), use(cache), use(cache)) == [sha256] * 3
        assert await use(cache) == sha256
    assert store.count(sha256) == 1


async def test_a_file_whose_first_user_gives_up_still_comes_to_the_second(store, transfers, tmp_path):
    sha256, url = store.add(LARGE)
    store.delay = 0.1
    async with cache_of(tmp_path, transfers) as cache:

        async def use():
            async with cache.use({sha256: url}):
                return True

        first, second = asyncio.create_task(use()), asyncio.create_task(use())
        while not store.requests:
            await asyncio.sleep(0.001)
        first.cancel()
        assert await second


async def test_a_wrong_file_is_fetched_again_and_given_up_after_three_times(store, transfers, tmp_path):
    sha256, url = store.add(LARGE)
    store.objects[sha256] = LARGE[:-1] + b"?"
    async with cache_of(tmp_path, transfers) as cache:
        with pytest.raises(PartFailed, match=r"node\.file_mismatch"):
            async with cache.use({sha256: url}):
                pass
    assert store.count(sha256) == 3
    assert cached(tmp_path) == set()


async def test_a_file_that_a_power_cut_spoilt_is_fetched_again(store, transfers, tmp_path):
    sha256, url = store.add(LARGE)
    async with cache_of(tmp_path, transfers) as cache, cache.use({sha256: url}) as files:
        path = files[sha256]
    with open(path, "r+b") as file:
        file.write(b"\0" * 4096)
    async with cache_of(tmp_path, transfers) as cache, cache.use({sha256: url}) as files:
        assert open(files[sha256], "rb").read() == LARGE  # noqa: SIM115
    assert store.count(sha256) == 2


async def test_the_least_recently_used_file_goes_first_and_none_that_is_in_use(store, transfers, tmp_path):
    files = dict(store.add(os.urandom(1000)) for _ in range(4))
    names = list(files)
    async with cache_of(tmp_path, transfers, 2500) as cache:
        for name in (names[0], names[1], names[0], names[2]):
            async with cache.use({name: files[name]}):
                pass
        assert cached(tmp_path) == {names[0], names[2]}
        async with cache.use(files):
            assert cached(tmp_path) == set(names)
        assert len(cached(tmp_path)) == 2


async def test_what_an_engine_made_is_used_under_its_own_name_only(store, transfers, tmp_path):
    true, false = store.add(LARGE), store.add(LARGE[::-1])
    async with cache_of(tmp_path, transfers) as cache:
        for sha256, _ in (true, false):  # the engine gives its bytes the name of others too
            (tmp_path / "made").write_bytes(LARGE)
            cache.adopt(sha256, tmp_path / "made")
        async with cache.use(dict((true, false))) as files:
            assert [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in files.values()] == [true[0], false[0]]
    assert (store.count(true[0]), store.count(false[0])) == (0, 1)


async def test_a_name_that_is_no_hash_cannot_leave_the_folder(transfers, tmp_path):
    async with cache_of(tmp_path, transfers) as cache:
        with pytest.raises(PartFailed, match=r"node\.manifest"):
            async with cache.use({"../../etc/passwd": "http://127.0.0.1:1/"}):
                pass
