"""Bytes from and to presigned addresses: streaming, resumed, retried with growing delay."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeVar

import aiohttp

from adapters.presign import BODY_HASH, checksum, signed_headers
from node_worker.failures import PartFailed, disk_full
from node_worker.log import redact, warning

T = TypeVar("T")
CHUNK = 1 << 16
PIECE = 1 << 18  # bytes of a file that are read at once
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30)
PATIENCE = 120.0  # seconds that a store may be away before the part goes back to the farm
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0  # seconds
SLOWEST = 128 << 10  # bytes a second that an upload must make
CLOCK_TOLERANCE = 60.0  # seconds


class TooLarge(Exception):
    """A download is longer than it may be."""


class Transfers:
    """One HTTP session for a node."""

    def __init__(self, patience: float = PATIENCE) -> None:
        # Addresses are for stored bytes: nothing may be unpacked on the way.
        self._session = aiohttp.ClientSession(timeout=TIMEOUT, auto_decompress=False, connector=aiohttp.TCPConnector(limit=32))
        self._patience = patience

    async def close(self) -> None:
        """Break off what still runs."""
        await self._session.close()

    async def download(self, url: str, target: Path, limit: int | None = None) -> tuple[str, int]:
        """Write what lies at `url` to `target`; return its SHA-256 and length.

        A broken transfer goes on where it stopped, also from an earlier call's file. Raises TooLarge, PartFailed, OSError (a full disk).
        """
        return await self._retry("GET", url, lambda: self._get(url, target, limit))

    async def read(self, url: str, limit: int) -> bytes:
        """Return a small object. Raises TooLarge, PartFailed."""

        async def attempt() -> bytes:
            async with self._session.get(url, allow_redirects=False) as response:
                _check(response)
                data = await response.content.read(limit + 1)
                while len(data) <= limit and (more := await response.content.read(limit + 1 - len(data))):
                    data += more
                if len(data) > limit:
                    raise TooLarge(f"more than {limit} bytes")
                return data

        return await self._retry("GET", url, attempt)

    async def upload(self, path: Path, url: str, media_type: str) -> None:
        """Put a file where nothing lies yet, with the headers that the address was signed with. Raises PartFailed.

        An object that is there already is this file when an earlier attempt had sent all of it and its answer was lost: nobody else has
        this address, the store keeps whole bodies alone, and the farm compares the object with the hash that is reported.
        """
        size = path.stat().st_size  # noqa: ASYNC240 - one look at our own disk
        headers = {"Content-Type": media_type, "Content-Length": str(size), **await _asked_for(path, url)}
        sent = False

        async def attempt() -> None:
            # aiohttp bounds reading only; a store that stops taking bytes would hold the part for ever.
            async with asyncio.timeout(60 + size / SLOWEST):
                await put()

        async def put() -> None:
            nonlocal sent
            body, earlier = _Sending(path, size), sent
            try:
                async with self._session.put(url, data=body.pieces(), headers=headers, allow_redirects=False) as response:
                    if response.status != 412:
                        _check(response)
                    elif not _is_ours(earlier):
                        raise _taken(url)
            finally:
                sent = sent or body.done

        await self._retry("PUT", url, attempt)

    async def _get(self, url: str, target: Path, limit: int | None) -> tuple[str, int]:
        digest, length = await asyncio.to_thread(_hash_so_far, target)
        headers = {"Range": f"bytes={length}-"} if length else {}
        async with self._session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status == 416 or (response.status == 206 and not _continues(response, length)):
                await asyncio.to_thread(target.unlink)
                raise aiohttp.ClientPayloadError("the store does not continue where the transfer broke off")
            _check(response)
            if response.status != 206:
                digest, length = hashlib.sha256(), 0
            if limit is not None and length + (response.content_length or 0) > limit:
                raise TooLarge(f"more than {limit} bytes")
            with target.open("ab" if length else "wb") as file:
                async for chunk in response.content.iter_chunked(CHUNK):
                    length += len(chunk)
                    if limit is not None and length > limit:
                        raise TooLarge(f"more than {limit} bytes")
                    digest.update(chunk)
                    file.write(chunk)
        return digest.hexdigest(), length

    async def _retry(self, method: str, url: str, attempt: Callable[[], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        until, delay = loop.time() + self._patience, FIRST_DELAY
        while True:
            try:
                return await attempt()
            except aiohttp.InvalidURL as error:
                raise PartFailed("node.manifest", f"{redact(url)!r} is no address") from error
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if disk_full(error) or isinstance(error, FileNotFoundError | PermissionError):
                    raise
                if loop.time() + delay > until:
                    raise PartFailed("node.storage_away", f"{method} {redact(url)}: {error!r}") from error
                warning("transfer broke", method=method, address=redact(url), error=redact(repr(error)), again_in=round(delay, 2))
            await asyncio.sleep(delay * random.uniform(0.75, 1.25))  # noqa: S311 - spreads retries, guards nothing
            delay = min(delay * 2, LONGEST_DELAY)


def _is_ours(sent: bool) -> bool:
    """Whether what lies there already is this very upload's file: an earlier attempt of it had sent all bytes, and heard no answer."""
    return sent


def _taken(url: str) -> PartFailed:
    return PartFailed("node.object_taken", f"PUT {redact(url)}: an object lies there that this node did not write")


class _Sending:
    """A file on its way: `done` once its last byte was handed to the connection."""

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._size = path, size
        self.done = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file's bytes."""
        sent = 0
        with self._path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, PIECE):
                sent += len(chunk)
                self.done = sent >= self._size
                yield chunk
        self.done = True


async def _asked_for(path: Path, url: str) -> dict[str, str]:
    """The headers whose names stand in the address; the length is sent with every body."""
    names = signed_headers(url)
    headers = {"If-None-Match": "*"} if "if-none-match" in names else {}
    if BODY_HASH in names:
        digest, _ = await asyncio.to_thread(_hash_so_far, path)
        headers[BODY_HASH] = checksum(digest.hexdigest())
    return headers


def _hash_so_far(path: Path) -> "tuple[hashlib._Hash, int]":
    """The digest and length of what an earlier attempt left."""
    digest, length = hashlib.sha256(), 0
    if path.exists():
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
                length += len(chunk)
    return digest, length


def _continues(response: aiohttp.ClientResponse, offset: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {offset}-")


def _check(response: aiohttp.ClientResponse) -> None:
    """Raise PartFailed for an answer that no retry changes, ClientError for one that may pass."""
    if response.status < 300:
        return
    answer = f"{response.method} {redact(str(response.url))} was answered {response.status} {response.reason}"
    if response.status >= 500 or response.status in (408, 409, 425, 429):
        raise aiohttp.ClientPayloadError(answer)
    if response.status in (404, 410):
        raise PartFailed("node.object_missing", answer)
    raise PartFailed("node.address_expired", answer + _clock(response))


def _clock(response: aiohttp.ClientResponse) -> str:
    """What is wrong with this node's clock by the store's: signed addresses expire by the clock."""
    try:
        apart = datetime.now(UTC) - parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, TypeError):
        return ""
    seconds = abs(apart.total_seconds())
    return f"; this node's clock is {seconds:.0f} s away from the store's" if seconds > CLOCK_TOLERANCE else ""
