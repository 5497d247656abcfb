"""Files to and from object storage: in parts by presigned addresses, each part sent again when it fails; downloads are checked."""

import asyncio
import base64
import hashlib
import mimetypes
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import aiohttp
import msgspec

from cli.errors import Mistake
from cli.responses import PartAddress, Started
from cli.responses import Upload as State
from cli.transport import Transport
from cli.waiting import together, until
from contracts.file_mgr.uploads import StartUpload

AT_ONCE = 4  # parts on their way at a time
TRIES = 5  # for a part, and for a download
CHUNK = 1 << 20  # bytes
Done = Callable[[int], None]  # told bytes that were sent or received since the last call


class Upload:
    """One file on its way. Create it, then `await send()`; sending again after a failure goes on with the parts that are missing."""

    def __init__(self, api: Transport, path: Path, done: Done | None = None) -> None:
        self._api, self._path = api, path
        self._done = done or (lambda count: None)
        self._etags: dict[int, str] = {}
        self._addresses: dict[int, PartAddress] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.started: Started | None = None

    async def send(self) -> UUID:
        """Send what is missing and have the parts joined; returns the file's id. Raises Mistake."""
        if self.started is None:
            self.started = await self._announce()
        await together(self._send_part(number) for number in range(1, self.started.part_count + 1) if number not in self._etags)
        etags = [self._etags[number] for number in sorted(self._etags)]
        await self._api.post(f"/v1/uploads/{self.started.upload_id}/complete", {"etags": etags}, msgspec.Raw)
        return self.started.file_id

    async def _announce(self) -> Started:
        size = self._path.stat().st_size
        if size == 0:
            raise Mistake("file.empty", f"{self._path} is empty")
        kind = mimetypes.guess_type(self._path.name)[0] or "application/octet-stream"
        sha256 = await asyncio.to_thread(sha256_of, self._path)
        announced = StartUpload(name=self._path.name, bytes=size, media_type=kind, sha256=sha256)
        started = await self._api.post("/v1/uploads", announced, Started)
        await until(lambda: self._state(started.upload_id), lambda upload: upload.state != "started", "the store to open the upload")
        return started

    async def _state(self, upload_id: UUID, first_part: int = 1) -> State:
        upload = await self._api.get(f"/v1/uploads/{upload_id}", State, first_part=str(first_part))
        if upload.state == "aborted":
            raise Mistake(
                "file.upload_aborted", f"the upload of {self._path.name} was given up: {upload.reason}", remedy="Send the file again."
            )
        self._addresses |= {part.number: part for part in upload.parts}
        return upload

    async def _send_part(self, number: int) -> None:
        assert self.started is not None
        async with self._gate:
            data = await asyncio.to_thread(_part, self._path, (number - 1) * self.started.part_bytes, self.started.part_bytes)
            for left in range(TRIES - 1, -1, -1):
                try:
                    self._etags[number] = await self._put(number, data)
                    break
                except (aiohttp.ClientError, TimeoutError) as error:
                    if not left:
                        reason = f"part {number} of {self._path.name} could not be stored: {error}"
                        raise Mistake("storage.unreachable", reason, remedy="Try again; the service's storage may be down.") from error
                    # The address may have expired; the next try asks for a new one.
                    self._addresses.pop(number, None)
                    await asyncio.sleep(0.2 * 2 ** (TRIES - left))
        self._done(len(data))

    async def _put(self, number: int, data: bytes) -> str:
        assert self.started is not None
        if number not in self._addresses:
            await self._state(self.started.upload_id, number)
        # The store refuses a part whose bytes are not those that were sent.
        address = self._addresses[number]
        headers = {"Content-MD5": base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(), **address.headers}
        async with self._api.http.put(address.url, data=data, headers=headers, raise_for_status=True) as answer:
            return answer.headers["ETag"]


async def download(api: Transport, url: str, target: Path, sha256: str, size: int, done: Done | None = None) -> None:
    """Fetch a file beside `target`, check its size and SHA-256, then put it there; goes on where the connection broke. Raises Mistake."""
    part = target.with_name(f".{target.name}.part")
    try:
        for left in range(TRIES - 1, -1, -1):
            try:
                await _fetch(api, url, part, done or (lambda count: None))
                break
            except (aiohttp.ClientError, TimeoutError) as error:
                if not left:
                    raise Mistake("storage.unreachable", f"the video could not be fetched: {error}", remedy="Try again.") from error
                await asyncio.sleep(0.2 * 2 ** (TRIES - left))
        have, digest = part.stat().st_size, await asyncio.to_thread(sha256_of, part)
        if have != size or digest != sha256:
            said = f"{size} bytes with SHA-256 {sha256}"
            raise Mistake(
                "download.damaged", f"{have} bytes with SHA-256 {digest} arrived where {said} were announced", remedy="Try again."
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


async def _fetch(api: Transport, url: str, part: Path, done: Done) -> None:
    have = _size(part)
    async with api.http.get(url, headers={"Range": f"bytes={have}-"} if have else {}, raise_for_status=True) as answer:
        with part.open("ab" if answer.status == 206 else "wb") as file:
            async for chunk in answer.content.iter_chunked(CHUNK):
                file.write(chunk)
                done(len(chunk))


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _part(path: Path, offset: int, count: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(count)
