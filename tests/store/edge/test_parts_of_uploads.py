"""A list of parts that the store would not join is refused at once, and the upload stays open."""

from uuid import uuid4

import pytest_asyncio
from yarl import URL

from adapters.object_store import ObjectStore
from contracts.message import DEFAULT_TENANT
from tests.store.edge.support import done


@pytest_asyncio.fixture(loop_scope="session")
async def store(backend, edge):
    settings = backend.settings
    async with ObjectStore(settings.s3_url, settings.s3_bucket, settings.s3_access_key, settings.s3_secret_key.get_secret_value()) as store:
        await store.ensure_bucket()
        yield store


async def upload_of(backend, store, client, count):
    """An open upload of so many parts, of which the first was sent; its id and the etag."""
    upload_id, key = uuid4(), f"files/{uuid4()}"
    storage_id = await store.create_multipart(key, "text/plain")
    async with client.put(
        URL(store.presign_part(key, storage_id, 1, 60, 1), encoded=True), data=b"a", headers={"Authorization": ""}
    ) as sent:
        etag = sent.headers["ETag"]
    await backend.pg.execute(
        """insert into file_mgr.upload_sessions (tenant_id, version, created_at, updated_at, upload_id, file_id, name, bytes, media_type,
             object_key, part_bytes, part_count, storage_id, etags, state, reason, sha256)
           values ($1, 2, now(), now(), $2, $3, 'a', 1, 'text/plain', $4, 1, $5, $6, '[]', 'open', '', '')""",
        DEFAULT_TENANT, upload_id, uuid4(), key, count, storage_id,
    )  # fmt: skip
    return upload_id, etag


async def complete(client, upload_id, etags):
    async with client.post(f"/v1/uploads/{upload_id}/complete", json={"etags": etags}) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_a_wrong_list_of_parts_is_refused_before_its_domain_hears_of_it(backend, store, client):
    upload_id, etag = await upload_of(backend, store, client, 2)
    async with backend.deciding("file_mgr", lambda envelope, body: done(envelope, upload_id=str(upload_id))) as seen:
        status, body = await complete(client, upload_id, [etag, etag])
        assert (status, body["code"], body["field"]) == (422, "file.parts", "etags[1]") and "not sent" in body["detail"]
        status, body = await complete(client, upload_id, ['"x"', '"y"'])
        assert status == 422 and [error["field"] for error in body["errors"]] == ["etags[0]", "etags[1]"]
        assert "still open" in body["detail"]
    assert seen == []


async def test_a_right_list_of_parts_goes_to_its_domain_with_quotes_and_without(backend, store, client):
    upload_id, etag = await upload_of(backend, store, client, 1)
    async with backend.deciding("file_mgr", lambda envelope, body: done(envelope, upload_id=str(upload_id))) as seen:
        for given in (etag, etag.strip('"')):
            assert (await complete(client, upload_id, [given]))[0] == 200
        assert (await complete(client, uuid4(), [etag]))[0] == 200, "what is not there is its domain's to tell"
    assert len(seen) == 3
