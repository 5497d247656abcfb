"""Asks an object store which of the promises it keeps that signed addresses rely on, with small objects of its own that it removes."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import uuid4

import aiohttp
from yarl import URL

from adapters.object_store import ObjectStore, StoreError, StoreRefused
from adapters.presign import BODY_HASH, CREATE_ONLY, checksum

SECONDS = 60  # that a probe's addresses work
FIRST, OTHER = b"first", b"other"  # bodies of one length
ANSWERS_WITHIN = aiohttp.ClientTimeout(total=30)


class Promise(NamedTuple):
    """One promise: what must be refused, and what the store answered to it."""

    name: str
    kept: bool
    answer: str


class Probe:
    """One run of questions; all that it writes lies under `prefix`."""

    def __init__(self, store: ObjectStore, http: aiohttp.ClientSession) -> None:
        self._store, self._http = store, http
        self.prefix = f"probes/{uuid4()}"

    async def overwriting(self) -> Promise:
        """A second body at an address that creates."""
        key = f"{self.prefix}/object"
        async with self._removed(key):
            address = self._store.presign_put(key, SECONDS)
            await self._must_take(address, FIRST, CREATE_ONLY)
            status = await self._put(address, OTHER, CREATE_ONLY)
            bare = await self._put(address, OTHER)
            kept = status >= 400 and bare >= 400 and await self._store.sha256(key) == _hash(FIRST)
        return Promise("an object is not replaced", kept, f"{status}, and {bare} without the header")

    async def joining(self) -> Promise:
        """A multipart upload that is joined where an object lies."""
        key = f"{self.prefix}/joined"
        async with self._removed(key):
            await self._store.put(key, FIRST)
            async with self._upload(key) as upload:
                etag = await self._must_take(self._store.presign_part(key, upload, 1, SECONDS, len(OTHER)), OTHER)
                await self._store.complete_multipart(key, upload, [etag])
                kept = await self._store.sha256(key) == _hash(FIRST)
        return Promise("joining parts replaces nothing", kept, "the object is as it was" if kept else "the object was replaced")

    async def length(self) -> Promise:
        """Parts that are longer and shorter than was signed."""
        key = f"{self.prefix}/long"
        async with self._upload(key) as upload:
            address = self._store.presign_part(key, upload, 1, SECONDS, len(FIRST))
            answers = [await self._put(address, body) for body in (FIRST + b"!", FIRST[:-1])]
            await self._must_take(address, FIRST)
        return Promise("a part has the length that was signed", min(answers) >= 400, " and ".join(map(str, answers)))

    async def content(self) -> Promise:
        """Other bytes of the right length: under the hash that was signed, under their own, under none."""
        key = f"{self.prefix}/hashed"
        async with self._removed(key), self._upload(key, hashed=True) as upload:
            address = self._store.presign_part(key, upload, 1, SECONDS, len(FIRST), _hash(FIRST))
            told = ({BODY_HASH: checksum(_hash(FIRST))}, {BODY_HASH: checksum(_hash(OTHER))}, None)
            answers = [await self._put(address, OTHER, headers) for headers in told]
            if kept := min(answers) >= 400:
                etag = await self._must_take(address, FIRST, told[0])
                await self._store.complete_multipart(key, upload, [etag], _hash(FIRST))
        return Promise("a part has the bytes whose hash was signed", kept, ", ".join(map(str, answers)))

    async def copying(self) -> Promise:
        """Addresses that are told, by a header that was not signed, to copy what somebody else has stored."""
        source, key = f"{self.prefix}/source", f"{self.prefix}/copy"
        told = {"x-amz-copy-source": f"/{self._store.bucket}/{source}"}
        async with self._removed(source), self._removed(key), self._upload(key) as upload:
            await self._store.put(source, FIRST)
            whole = await self._put(self._store.presign_put(key, SECONDS), b"", {**CREATE_ONLY, **told})
            part = await self._put(self._store.presign_part(key, upload, 1, SECONDS, len(FIRST)), FIRST, told)
        return Promise("an address copies nothing", min(whole, part) >= 400, f"{whole}, and {part} to a part")

    async def _must_take(self, address: str, body: bytes, headers: Mapping[str, str] | None = None) -> str:
        """Send what the address is for; the answer's ETag. Raises StoreRefused."""
        async with self._http.put(URL(address, encoded=True), data=body, headers=headers) as answer:
            if answer.status != 200:
                raise StoreRefused(f"the store refuses what an address was signed for ({answer.status}): {await answer.text()}", "probe")
            return answer.headers["ETag"]

    async def _put(self, address: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
        async with self._http.put(URL(address, encoded=True), data=body, headers=headers) as answer:
            return answer.status

    @asynccontextmanager
    async def _removed(self, key: str) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self._store.delete(key)

    @asynccontextmanager
    async def _upload(self, key: str, *, hashed: bool = False) -> AsyncIterator[str]:
        upload = await self._store.create_multipart(key, "application/octet-stream", hashed=hashed)
        try:
            yield upload
        finally:
            await self._store.abort_multipart(key, upload)


async def probed(store: ObjectStore) -> list[Promise]:
    """Every promise, kept or not. Raises StoreError when the store cannot be asked at all."""
    async with aiohttp.ClientSession(timeout=ANSWERS_WITHIN) as http:
        probe = Probe(store, http)
        questions: tuple[Callable[[], Awaitable[Promise]], ...]
        questions = probe.overwriting, probe.joining, probe.length, probe.content, probe.copying
        try:
            return [await ask() for ask in questions]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise StoreError(f"the object store cannot be reached at its public address: {error or type(error).__name__}") from error


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
