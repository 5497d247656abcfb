"""Ids that prove themselves: command ids, request hashes, signed operation ids and the secrets of API keys, all from one secret."""

import base64
import hmac
import os
from hashlib import blake2b, sha256
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

_FREE = (1 << 128) - 1 ^ (0xF << 76) ^ (0xC << 60)
_VERSION_4 = (4 << 76) | (0x8 << 60)  # RFC 9562: the version, and the variant 10
DRAWN = 128  # random ids that are drawn at once, by one system call
_random: list[bytes] = []
_HASH, _MAC = (16, 8)  # bytes of the request hash (its first 8 go into the operation id) and of the signature


class Operation(msgspec.Struct, frozen=True):
    """What an operation id says: which command, asked by which request."""

    command_id: UUID
    request_hash: str  # the first 16 hex digits


class Signer:
    """Derives and checks; `secret` is the edge's own, equal on all edges. Raises ValueError when it is shorter than 16 bytes."""

    def __init__(self, secret: str) -> None:
        if len(secret) < 16:
            raise ValueError("FLATRENDER_SECRET must have at least 16 characters: operation ids and API keys derive from it")
        uses = (b"request", b"operation", b"api-key", b"join-token")
        request, operation, self._key, self._token = (hmac.digest(secret.encode(), use, "sha256") for use in uses)
        # BLAKE2b with a key is a MAC by itself, at a third of HMAC's time; both are made for every request.
        self._request = blake2b(key=request, digest_size=_HASH)
        self._operation = blake2b(key=operation, digest_size=_MAC)

    def request_hash(self, method: str, path: str, body: bytes) -> str:
        """A keyed hash of a request, 32 hex digits: equal requests are told without keeping them."""
        mac = self._request.copy()
        mac.update(f"{method} {path}\n".encode())
        mac.update(body)
        return mac.hexdigest()

    def operation_id(self, tenant: UUID, command_id: UUID, request_hash: str) -> str:
        """The signed name of a tenant's command and its request, 43 characters."""
        said = command_id.bytes + bytes.fromhex(request_hash[:16])
        return base64.urlsafe_b64encode(said + self._signature(tenant, said)).rstrip(b"=").decode()

    def read_operation_id(self, tenant: UUID, text: str) -> Operation | None:
        """Read an operation id; None when we never made it for this tenant."""
        try:
            raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
        except ValueError:
            return None
        said, mac = raw[:-_MAC], raw[-_MAC:]
        # The comparison of the text closes base64's spare bits: one operation has exactly one id.
        if len(raw) != 32 or not hmac.compare_digest(mac, self._signature(tenant, said)):
            return None
        found = Operation(UUID(bytes=said[:16]), said[16:].hex())
        return found if self.operation_id(tenant, found.command_id, found.request_hash) == text else None

    def _signature(self, tenant: UUID, said: bytes) -> bytes:
        mac = self._operation.copy()
        mac.update(tenant.bytes)
        mac.update(said)
        return mac.digest()

    def key_secret(self, command_id: UUID) -> str:
        """The secret of the API key that this command creates, 32 characters (160 bits); every retry derives the same."""
        return _secret(self._key, command_id)

    def token_secret(self, command_id: UUID) -> str:
        """The secret of the join token that this command creates, in the same way."""
        return _secret(self._token, command_id)


def _secret(key: bytes, command_id: UUID) -> str:
    return base64.b32encode(hmac.digest(key, command_id.bytes, "sha256")[:20]).decode().lower()


def command_id(tenant: UUID, idempotency_key: str) -> UUID:
    """The id of the command that this key names within its tenant."""
    return uuid5(tenant, f"idempotency-key:{idempotency_key}")


def random_id() -> UUID:
    """A version 4 UUID; made by hand, for it is made for every request."""
    if not _random:
        drawn = os.urandom(16 * DRAWN)
        _random.extend(drawn[at : at + 16] for at in range(0, len(drawn), 16))
    return UUID(int=int.from_bytes(_random.pop()) & _FREE | _VERSION_4)


def correlation_of(request_id: str) -> UUID:
    """The correlation id for a request id: itself when it is a UUID, else derived from it."""
    try:
        return UUID(request_id)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"request:{request_id}")


def key_hash(secret: str) -> str:
    """What is stored of an API key's secret: SHA-256 in hex. The secret has 160 random bits, so no slow hash is needed."""
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def key_text(key_id: UUID, secret: str) -> str:
    """An API key as people hold it: `fr_<key id>_<secret>`."""
    return f"fr_{key_id.hex}_{secret}"


def token_text(token_id: UUID, secret: str) -> str:
    """A join token as people hold it: `fj_<token id>_<secret>`."""
    return f"fj_{token_id.hex}_{secret}"


def parted(mark: str, text: str) -> tuple[UUID, str] | None:
    """The id and the secret of a text `<mark>_<id>_<secret>`; None for any other."""
    given, _, rest = text.strip().partition("_")
    id, _, secret = rest.partition("_")
    try:
        return (UUID(hex=id), secret) if given == mark and secret else None
    except ValueError:
        return None


def key_hint(secret: str) -> str:
    """The first characters of a secret, by which people tell their keys apart."""
    return f"{secret[:4]}…"
