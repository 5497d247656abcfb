"""Object storage (S3): the only importer of aioboto3; one client kept open, path style, signature version 4."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, NamedTuple, ParamSpec, Self, TypeVar
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from adapters.presign import BODY_HASH, CREATE_ONLY, REGION, Presigner, checksum

_CONFIG: dict[str, Any] = {
    "signature_version": "s3v4",
    "s3": {"addressing_style": "path"},
    "connect_timeout": 3,
    "read_timeout": 30,
    "retries": {"mode": "standard", "total_max_attempts": 3},
    "max_pool_connections": 64,
    # The newer default adds trailing checksums, which not every S3 understands.
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}
PIECE = 1 << 20  # bytes of an object in memory while it is hashed
_MISSING = {"NoSuchKey", "NoSuchUpload", "404", "NotFound"}
_JOINED = {"NoSuchUpload", "PreconditionFailed"}  # what a store says to who joins once more
_FULL = {"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "EntityTooLarge", "507"}
_BUSY = {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "RequestTimeTooSkewed", "ConditionalRequestConflict"}


class StoreError(Exception):
    """Object storage did not do what was asked."""


class ObjectMissing(StoreError):
    """There is no such object, or no such multipart upload (any more)."""


class StoreUnavailable(StoreError):
    """The store does not answer, or says that it cannot just now: try again."""


class StoreRefused(StoreError):
    """The store says no, and will again; `code` is S3's, e.g. `AccessDenied`, `InvalidPart`."""

    def __init__(self, detail: str, code: str) -> None:
        super().__init__(detail)
        self.code = code


class StoreFull(StoreError):
    """The store has no room left, or no quota."""


class ObjectTooLarge(StoreError):
    """The object is larger than the caller takes; `size` is in bytes."""

    def __init__(self, key: str, size: int, limit: int) -> None:
        super().__init__(f"the object {key} has {size} bytes; at most {limit} are read here")
        self.size = size


class Stat(NamedTuple):
    """What a store says of an object without sending it; `version`, its ETag and when it was written, changes with the bytes.

    An ETag alone is often an MD5, of which two that are equal are made in minutes.
    """

    bytes: int
    version: str


class Content(NamedTuple):
    """What was read of an object: the hash of its bytes, and the version that they were."""

    sha256: str
    version: str


P = ParamSpec("P")
R = TypeVar("R")


def _explained(
    method: "Callable[Concatenate[ObjectStore, P], Awaitable[R]]",
) -> "Callable[Concatenate[ObjectStore, P], Coroutine[Any, Any, R]]":
    """Turn botocore's errors into the classes above."""

    @wraps(method)
    async def wrapper(self: "ObjectStore", *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await method(self, *args, **kwargs)
        except ClientError as error:
            raise _error_of(error, self.url) from error
        except (BotoCoreError, HTTPClientError, OSError, *_broken_off()) as error:
            raise StoreUnavailable(f"the object store at {self.url} does not answer: {error}") from error

    return wrapper  # type: ignore[return-value]  # functools.wraps hides the name of `self`


def _broken_off() -> tuple[type[Exception], ...]:
    """What the library below boto's says of a connection that ends in the middle of a body; asked for only when something was raised."""
    from aiohttp import ClientError as ConnectionBroken

    return (ConnectionBroken,)


class ObjectStore:
    """One bucket; use as `async with ObjectStore(...) as store`. All methods raise StoreError's classes.

    `public_url` is where clients and nodes reach the store, if elsewhere than `url`; presigned addresses are for there.
    """

    def __init__(self, url: str, bucket: str, access_key: str, secret_key: str, public_url: str = "") -> None:
        self.url = url
        self.bucket = bucket
        self._keys = {"aws_access_key_id": access_key, "aws_secret_access_key": secret_key}
        self._presigner = Presigner(public_url or url, bucket, access_key, secret_key)
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def __aenter__(self) -> Self:
        self._client = _Client(self._stack, {"endpoint_url": self.url, "region_name": REGION, **self._keys})
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._stack.aclose()

    async def prepare(self) -> None:
        """Make the client now, which takes half a second: for who asks the store while others wait."""
        await self._client.make()

    @_explained
    async def ensure_bucket(self) -> None:
        """Make the bucket when it is not there."""
        try:
            await self._client.head_bucket(Bucket=self.bucket)
        except ClientError as error:
            if _status(error) != 404:
                raise
            await self._client.create_bucket(Bucket=self.bucket)

    @_explained
    async def put(self, key: str, data: bytes, media_type: str = "application/octet-stream") -> None:
        """Write an object, replacing what was there."""
        await self._client.put_object(Bucket=self.bucket, Key=key, Body=data, ContentType=media_type)

    @_explained
    async def get(self, key: str, limit: int) -> bytes:
        """Read an object of at most `limit` bytes. Raises ObjectMissing, ObjectTooLarge."""
        answer = await self._client.get_object(Bucket=self.bucket, Key=key)
        async with answer["Body"] as body:
            if answer["ContentLength"] > limit:
                raise ObjectTooLarge(key, answer["ContentLength"], limit)
            return bytes(await body.read())

    @_explained
    async def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Read that many bytes of an object from `offset` on, and nothing else of it; fewer where it ends.

        Raises ObjectMissing, and ObjectTooLarge where the store knows no ranges.
        """
        answer = await self._client.get_object(Bucket=self.bucket, Key=key, Range=f"bytes={offset}-{offset + length - 1}")
        async with answer["Body"] as body:
            if answer["ContentLength"] > length:
                raise ObjectTooLarge(key, answer["ContentLength"], length)
            return bytes(await body.read())

    async def sha256(self, key: str) -> str:
        """The SHA-256 of an object's bytes. Raises ObjectMissing."""
        return (await self.content(key)).sha256

    @_explained
    async def content(self, key: str) -> Content:
        """The SHA-256 of an object's bytes, read piece by piece, and which version they were. Raises ObjectMissing."""
        answer = await self._client.get_object(Bucket=self.bucket, Key=key)
        digest = hashlib.sha256()
        async with answer["Body"] as body:
            async for piece in body.content.iter_chunked(PIECE):
                digest.update(piece)
        return Content(digest.hexdigest(), _version(answer))

    async def head(self, key: str) -> int | None:
        """The object's size in bytes, or None when there is none."""
        stat = await self.stat(key)
        return None if stat is None else stat.bytes

    @_explained
    async def stat(self, key: str) -> "Stat | None":
        """The object's size and version, or None when there is none."""
        try:
            answer = await self._client.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if _status(error) == 404:
                return None
            raise
        return Stat(int(answer["ContentLength"]), _version(answer))

    @_explained
    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        await self._client.delete_object(Bucket=self.bucket, Key=key)

    @_explained
    async def create_multipart(self, key: str, media_type: str, *, hashed: bool = False) -> str:
        """Begin a multipart upload, whose parts are compared with their SHA-256 if it is `hashed`; returns the store's id of it."""
        more = {"ChecksumAlgorithm": "SHA256"} if hashed else {}
        answer = await self._client.create_multipart_upload(Bucket=self.bucket, Key=key, ContentType=media_type, **more)
        return str(answer["UploadId"])

    @_explained
    async def complete_multipart(self, key: str, storage_id: str, etags: Sequence[str], sha256: str = "") -> int:
        """Join the parts, in order, and return the object's size in bytes; a repeat finds the object joined already, and replaces nothing.

        `sha256` is that of the only part of a `hashed` upload. Raises StoreRefused for a wrong etag or a missing part, ObjectMissing
        when the upload was aborted.
        """
        hashed = {"ChecksumSHA256": checksum(sha256)} if sha256 else {}
        parts = [{"PartNumber": number, "ETag": etag, **hashed} for number, etag in enumerate(etags, 1)]
        upload = {"Bucket": self.bucket, "Key": key, "UploadId": storage_id, "MultipartUpload": {"Parts": parts}, "IfNoneMatch": "*"}
        try:
            await self._client.complete_multipart_upload(**upload)
        except ClientError as error:
            size = await self.head(key) if _code(error) in _JOINED else None
            if size is None:
                raise
            return size
        size = await self.head(key)
        if size is None:
            raise StoreUnavailable(f"the object {key} was joined but is not there; try again")
        return size

    @_explained
    async def parts(self, key: str, storage_id: str) -> dict[int, str]:
        """The ETags of a multipart upload's parts that are there, by their numbers. Raises ObjectMissing when there is no such upload."""
        found: dict[int, str] = {}
        while True:
            page = await self._client.list_parts(Bucket=self.bucket, Key=key, UploadId=storage_id, PartNumberMarker=max(found, default=0))
            listed = {int(part["PartNumber"]): str(part["ETag"]) for part in page.get("Parts", ())}
            found |= listed
            if not (page.get("IsTruncated") and listed):
                return found

    @_explained
    async def abort_multipart(self, key: str, storage_id: str) -> None:
        """Give a multipart upload up and remove its parts; one that is not there is fine."""
        try:
            await self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=storage_id)
        except ClientError as error:
            if _code(error) not in _MISSING:
                raise

    def presign_get(self, key: str, seconds: int, download_name: str | None = None) -> str:
        """An address to read the object for `seconds`; with `download_name` browsers save it under that name."""
        if download_name is None:
            return self._presigner.sign("GET", key, seconds)
        # RFC 6266: the name in UTF-8, percent-encoded, so that no character of it can end the header's value.
        disposition = f"attachment; filename*=UTF-8''{quote(download_name, safe='')}"
        return self._presigner.sign("GET", key, seconds, {"response-content-disposition": disposition})

    def presign_put(self, key: str, seconds: int, *, replaces: bool = False) -> str:
        """An address to write an object that is not there yet, for `seconds`; only with `replaces` it may be written over."""
        return self._presigner.sign("PUT", key, seconds, headers=None if replaces else CREATE_ONLY)

    def presign_part(self, key: str, storage_id: str, number: int, seconds: int, length: int, sha256: str = "") -> str:
        """An address to write part `number` (from 1) of a multipart upload for `seconds`: so many bytes, of that SHA-256 where it is known.

        Only parts of an upload that was begun as `hashed` have one.
        """
        headers = {"content-length": str(length)} | ({BODY_HASH: checksum(sha256)} if sha256 else {})
        return self._presigner.sign("PUT", key, seconds, {"partNumber": str(number), "uploadId": storage_id}, headers=headers)


class _Client:
    """boto's client, made when it is first asked: its libraries and its description of S3 take some 40 MB, and many processes only sign."""

    def __init__(self, stack: AsyncExitStack, options: dict[str, str]) -> None:
        self._stack, self._options = stack, options
        self._made: Any = None
        self._making = asyncio.Lock()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(**given: Any) -> Any:
            return await getattr(self._made or await self.make(), name)(**given)

        return call

    async def make(self) -> Any:
        """The client itself."""
        async with self._making:
            if self._made is None:
                import aioboto3
                from botocore.config import Config

                client = aioboto3.Session().client("s3", config=Config(**_CONFIG), **self._options)
                self._made = await self._stack.enter_async_context(client)
        return self._made


def _version(answer: dict[str, Any]) -> str:
    return f"{answer['ETag']} {answer['LastModified']}"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _error_of(error: ClientError, url: str) -> StoreError:
    code, status = _code(error), _status(error)
    said = error.response.get("Error", {}).get("Message") or code
    if code in _MISSING or (status == 404 and code != "NoSuchBucket"):
        return ObjectMissing(f"the object store at {url}: {said}")
    if code in _FULL or status == 507:
        return StoreFull(f"the object store at {url} has no room: {said}")
    if code in _BUSY or status >= 500:
        return StoreUnavailable(f"the object store at {url} cannot just now: {said}")
    return StoreRefused(f"the object store at {url} refuses: {said} ({code or status})", code or str(status))
