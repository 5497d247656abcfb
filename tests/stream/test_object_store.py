"""Object storage against the real S3 server: objects, multipart uploads, presigned addresses, and every class of error."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from adapters.object_store import ObjectMissing, ObjectStore, ObjectTooLarge, StoreRefused, StoreUnavailable
from deploy.local.servers import Servers

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]
KEY = "files/a folder/ü + ?&=#%.txt"
PART = 5 * 1024 * 1024


@pytest_asyncio.fixture(loop_scope="session")
async def store(servers: Servers) -> AsyncIterator[ObjectStore]:
    async with ObjectStore(servers.s3_url, "tests", servers.s3_access_key, servers.s3_secret_key) as opened:
        await opened.ensure_bucket()
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_what_is_put_can_be_read_measured_and_removed(store: ObjectStore) -> None:
    await store.put(KEY, b"hello")
    assert await store.get(KEY, 5) == b"hello"
    assert await store.head(KEY) == 5
    await store.delete(KEY)
    await store.delete(KEY)
    assert await store.head(KEY) is None


async def test_a_missing_object_and_one_that_is_too_large_are_errors_of_their_own(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissing):
        await store.get("nowhere", 10)
    await store.put("large", b"12345678901")
    with pytest.raises(ObjectTooLarge) as refused:
        await store.get("large", 10)
    assert refused.value.size == 11


async def test_making_the_bucket_again_is_fine(store: ObjectStore) -> None:
    await store.ensure_bucket()


async def test_presigned_addresses_read_and_write_one_object(store: ObjectStore, http: aiohttp.ClientSession) -> None:
    async with http.put(URL(store.presign_put(KEY, 60, replaces=True), encoded=True), data=b"by hand") as answer:
        assert answer.status == 200
    async with http.get(URL(store.presign_get(KEY, 60, 'a "name";\r\nX: ü.mp4'), encoded=True)) as answer:
        assert await answer.read() == b"by hand"
        assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20%22name%22%3B%0D%0AX%3A%20%C3%BC.mp4"
        assert "X" not in answer.headers
    async with http.get(URL(store.presign_put(KEY, 60), encoded=True)) as answer:
        assert answer.status == 403
    async with http.get(URL(store.presign_get(KEY, 60).replace("folder", "holder"), encoded=True)) as answer:
        assert answer.status == 403


async def test_a_presigned_address_ends(store: ObjectStore, http: aiohttp.ClientSession) -> None:
    await store.put("short", b"x")
    address = URL(store.presign_get("short", 1), encoded=True)
    while True:
        async with http.get(address) as answer:
            if answer.status == 403:
                return
        await asyncio.sleep(0.2)


@pytest.mark.parametrize("seconds", [0, -1, 604_801])
async def test_an_impossible_lifetime_is_refused(store: ObjectStore, seconds: int) -> None:
    with pytest.raises(ValueError, match="604800"):
        store.presign_get(KEY, seconds)


async def test_a_multipart_upload_is_joined_and_joining_again_is_fine(store: ObjectStore, http: aiohttp.ClientSession) -> None:
    upload = await store.create_multipart("joined", "text/plain")
    etags = []
    for number, data in ((1, b"a" * PART), (2, b"b")):
        async with http.put(URL(store.presign_part("joined", upload, number, 60, len(data)), encoded=True), data=data) as answer:
            etags.append(answer.headers["ETag"])
    assert await store.complete_multipart("joined", upload, etags) == PART + 1
    assert await store.complete_multipart("joined", upload, etags) == PART + 1


async def test_the_parts_of_an_upload_are_listed_as_far_as_they_are_there(store: ObjectStore, http: aiohttp.ClientSession) -> None:
    upload = await store.create_multipart("listed", "text/plain")
    assert await store.parts("listed", upload) == {}
    etags = {}
    for number in (3, 1):
        async with http.put(URL(store.presign_part("listed", upload, number, 60, 1), encoded=True), data=b"a") as answer:
            etags[number] = answer.headers["ETag"]
    assert await store.parts("listed", upload) == etags
    await store.abort_multipart("listed", upload)
    with pytest.raises(ObjectMissing):
        await store.parts("listed", upload)


async def test_an_upload_that_was_given_up_cannot_be_joined(store: ObjectStore) -> None:
    upload = await store.create_multipart("given up", "text/plain")
    await store.abort_multipart("given up", upload)
    await store.abort_multipart("given up", upload)
    with pytest.raises(ObjectMissing):
        await store.complete_multipart("given up", upload, ["etag"])


async def test_a_wrong_part_is_refused_with_the_stores_code(store: ObjectStore, http: aiohttp.ClientSession) -> None:
    upload = await store.create_multipart("wrong", "text/plain")
    async with http.put(URL(store.presign_part("wrong", upload, 1, 60, 1), encoded=True), data=b"a") as answer:
        assert answer.status == 200
    with pytest.raises(StoreRefused) as refused:
        await store.complete_multipart("wrong", upload, ["d41d8cd98f00b204e9800998ecf8427e"])
    assert refused.value.code == "InvalidPart"


async def test_a_wrong_key_is_refused_and_a_store_that_is_away_is_unavailable(servers: Servers) -> None:
    async with ObjectStore(servers.s3_url, "tests", servers.s3_access_key, "wrong") as stranger:
        with pytest.raises(StoreRefused):
            await stranger.put("x", b"")
    async with ObjectStore("http://127.0.0.1:1", "tests", "a", "b") as nowhere:
        with pytest.raises(StoreUnavailable):
            await nowhere.put("x", b"")


async def test_an_object_s_hash_is_that_of_its_bytes_and_a_missing_one_has_none(store: ObjectStore) -> None:
    data = b"0123456789" * 300_000
    await store.put("hashed", data)
    assert await store.sha256("hashed") == hashlib.sha256(data).hexdigest()
    with pytest.raises(ObjectMissing):
        await store.sha256("nothing there")


async def test_parts_that_are_joined_where_an_object_lies_replace_nothing(store: ObjectStore, http: aiohttp.ClientSession) -> None:
    await store.put("kept", b"what was there")
    upload = await store.create_multipart("kept", "text/plain")
    async with http.put(URL(store.presign_part("kept", upload, 1, 60, 5), encoded=True), data=b"other") as answer:
        etag = answer.headers["ETag"]
    await store.complete_multipart("kept", upload, [etag])
    assert await store.get("kept", 100) == b"what was there"
