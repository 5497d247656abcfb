"""Bytes that people send: the store takes what was announced and nothing else, and what cannot be used is not kept."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.object_store import ObjectStore
from adapters.presign import BODY_HASH, checksum
from deploy.local.stack import BUCKET, Stack
from templates.samples import simple
from tests.e2e.support_http import Http, Json, is_problem
from tests.e2e.support_shop import Shop, open_shop
from tests.upgrade.work import tone

pytestmark = pytest.mark.timeout(120)
DATA = b"a picture, if one believes its name"
HASHED = hashlib.sha256(DATA).hexdigest()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    """Two tenants with a template each."""
    async with open_shop(stack) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def store(stack: Stack) -> AsyncIterator[ObjectStore]:
    servers = stack.servers
    async with ObjectStore(servers.s3_url, BUCKET, servers.s3_access_key, servers.s3_secret_key) as opened:
        yield opened


async def announced(http: Http, sha256: str = "") -> Json:
    begun = await http.post("/v1/uploads", {"name": "a.png", "bytes": len(DATA), "sha256": sha256})
    upload = await http.until(f"/v1/uploads/{begun['upload_id']}", lambda row: row["state"] != "started")
    [part] = upload["parts"]
    assert part["bytes"] == len(DATA) and part["headers"] == ({BODY_HASH: checksum(sha256)} if sha256 else {})
    return upload


async def sent(http: Http, upload: Json, data: bytes, headers: dict[str, str] | None = None) -> int:
    async with http.plain.put(upload["parts"][0]["url"], data=data, headers=headers) as answer:
        return answer.status


async def test_a_part_of_another_length_is_refused_by_the_store(shop: Shop) -> None:
    upload = await announced(shop.http)
    assert [await sent(shop.http, upload, data) for data in (DATA + b"!", DATA[:-1], b"", DATA * 1000)] == [403] * 4
    assert await sent(shop.http, upload, DATA) == 200


async def test_other_bytes_than_those_announced_are_refused_by_the_store(shop: Shop) -> None:
    upload = await announced(shop.http, HASHED)
    other = DATA[::-1]
    for told in (checksum(HASHED), checksum(hashlib.sha256(other).hexdigest()), "", "nonsense"):
        assert await sent(shop.http, upload, other, {BODY_HASH: told}) in (400, 403), told
    assert await sent(shop.http, upload, DATA) == 403, "the header that was signed is missing"
    assert await sent(shop.http, upload, DATA, upload["parts"][0]["headers"]) == 200


async def test_a_file_that_is_the_one_that_was_announced_is_joined_and_opened(shop: Shop) -> None:
    data = simple("announced", 1)
    begun = await shop.http.post("/v1/uploads", {"name": "a.json", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    upload = await shop.http.until(f"/v1/uploads/{begun['upload_id']}", lambda row: row["state"] != "started")
    async with shop.http.plain.put(upload["parts"][0]["url"], data=data, headers=upload["parts"][0]["headers"]) as answer:
        etag = answer.headers["ETag"]
    await shop.http.post(f"/v1/uploads/{upload['upload_id']}/complete", {"etags": [etag]})
    file = await shop.http.until(f"/v1/files/{upload['file_id']}", lambda row: row["state"] != "inspecting")
    assert (file["state"], file["sha256"]) == ("ready", hashlib.sha256(data).hexdigest()), file


async def test_a_hash_that_is_none_is_told_at_once(shop: Shop) -> None:
    answer = await shop.http.send("POST", "/v1/uploads", {"name": "a", "bytes": 1, "sha256": "x"})
    is_problem(answer, 422, "request.invalid", "sha256")


async def test_a_rejected_files_object_goes_and_the_reason_stays(shop: Shop, store: ObjectStore) -> None:
    file = await shop.http.upload("b.png", DATA)
    assert file["state"] == "rejected", file
    await gone(store, f"files/{shop.tenant.id}/{file['file_id']}")
    row = await shop.http.get(f"/v1/files/{file['file_id']}")
    assert (row["state"], row["code"]) == ("rejected", file["code"]) and not row["url"]


async def test_a_file_of_several_parts_that_is_not_the_one_that_was_announced_is_rejected(shop: Shop, store: ObjectStore) -> None:
    data = tone(17 << 20)
    begun = await shop.http.post("/v1/uploads", {"name": "a.wav", "bytes": len(data), "sha256": HASHED})
    upload = await shop.http.until(f"/v1/uploads/{begun['upload_id']}", lambda row: row["state"] != "started")
    assert [part["bytes"] for part in upload["parts"]] == [16 << 20, 1 << 20] and not upload["parts"][0]["headers"]
    etags = await shop.http.put(upload, data)
    await shop.http.post(f"/v1/uploads/{upload['upload_id']}/complete", {"etags": etags})
    file = await shop.http.until(f"/v1/files/{upload['file_id']}", lambda row: row["state"] != "inspecting")
    assert (file["state"], file["code"]) == ("rejected", "file.sha256"), file
    await gone(store, f"files/{shop.tenant.id}/{file['file_id']}")


async def gone(store: ObjectStore, place: str) -> None:
    async with asyncio.timeout(30):
        while await store.head(place) is not None:
            await asyncio.sleep(0.05)
