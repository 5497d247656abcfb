"""A patient client: asks again whatever fails on the way, always under the same Idempotency-Key."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import aiohttp

TIMEOUT = aiohttp.ClientTimeout(total=8)
PAUSE = 0.15  # seconds between two tries, and between two looks
# Refusals of what another domain has told and this one has not heard yet: while the log is frozen, for longer than their patience.
UNHEARD = ("project.not_found", "file.not_found")
HEARD_WITHIN = 15.0  # seconds in which a standby of the log has taken over and caught up
Json = dict[str, Any]


class Refused(Exception):
    """The product says no: the code and the detail of its problem."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.code = str(problem.get("code", ""))


class Client:
    """One key's requests; none of them gives up, so the caller sets the time limit. Use as `async with`."""

    def __init__(self, url: str, api_key: str) -> None:
        self._url, self._key = url, api_key

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self._key}"}, timeout=TIMEOUT)
        self._raw = aiohttp.ClientSession(timeout=TIMEOUT)  # for storage, which must not see the key
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._http.close()
        await self._raw.close()

    async def post(self, path: str, **body: Any) -> Json:
        """Send a command until its outcome is told. Raises Refused."""
        loop = asyncio.get_running_loop()
        key, give_up = str(uuid4()), loop.time() + HEARD_WITHIN
        while True:
            try:
                status, said = await self._once("POST", path, json=body, headers={"Idempotency-Key": key})
            except Refused as refused:
                if refused.code not in UNHEARD or loop.time() > give_up:
                    raise
                key, status, said = str(uuid4()), 0, {}  # decided under the first one
            if status in (200, 201):
                return said
            await asyncio.sleep(PAUSE)

    async def get(self, path: str) -> Json:
        """Read something that is there. Raises Refused."""
        while True:
            status, said = await self._once("GET", path)
            if status == 200:
                return said
            await asyncio.sleep(PAUSE)

    async def until(self, path: str, reached: Callable[[Json], bool]) -> Json:
        """Read until it has come so far. Raises Refused."""
        while not reached(said := await self.get(path)):
            await asyncio.sleep(PAUSE)
        return said

    async def upload(self, path: Path) -> Json:
        """Send a small file in one part, and wait for its inspection; the file's row. Raises Refused."""
        data = path.read_bytes()
        begun = await self.post("/v1/uploads", name=path.name, bytes=len(data))
        upload = await self.until(f"/v1/uploads/{begun['upload_id']}", lambda row: row["state"] != "started")
        if upload["state"] == "open":
            etag = await self._put(upload["parts"][0]["url"], data)
            await self.post(f"/v1/uploads/{begun['upload_id']}/complete", etags=[etag])
            upload = await self.until(f"/v1/uploads/{begun['upload_id']}", lambda row: row["state"] in ("stored", "aborted"))
        if upload["state"] == "aborted":
            raise Refused(0, {"code": "upload.aborted", "detail": upload["reason"]})
        return await self.until(f"/v1/files/{begun['file_id']}", lambda row: row["state"] in ("ready", "rejected"))

    async def download(self, url: str, sha256: str) -> bytes:
        """Fetch an object and check its SHA-256. Raises Refused for other bytes."""
        while True:
            try:
                async with self._raw.get(url) as answer:
                    data = await answer.read()
                    if answer.status == 200:
                        break
                    if answer.status == 404:
                        raise Refused(404, {"code": "object.missing", "detail": url.partition("?")[0]})
            except (aiohttp.ClientError, TimeoutError):
                pass  # the store may be killed just now
            await asyncio.sleep(PAUSE)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Refused(200, {"code": "object.other_bytes", "detail": f"{len(data)} bytes are not those with SHA-256 {sha256}"})
        return data

    async def _put(self, url: str, data: bytes) -> str:
        while True:
            try:
                async with self._raw.put(url, data=data) as answer:
                    if answer.status == 200:
                        return answer.headers["ETag"]
                    if answer.status == 404:
                        return "gone"  # the store knows the upload no more; completing it tells the product
            except (aiohttp.ClientError, TimeoutError):
                pass  # the store may be killed just now
            await asyncio.sleep(PAUSE)

    async def _once(self, method: str, path: str, **more: Any) -> tuple[int, Json]:
        """One try; status 0 when no answer came. Raises Refused for a 4xx that no repeat changes."""
        try:
            async with self._http.request(method, self._url + path, **more) as answer:
                said = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return 0, {}
        if 400 <= answer.status < 500 and answer.status not in (408, 425, 429):
            raise Refused(answer.status, said)
        return answer.status, said
