"""Ids that prove themselves: command ids, request hashes, signed operation ids; the edge's secret has versions, two of which are known."""

import hmac
import os
import secrets
from base64 import b32encode, b64decode, urlsafe_b64encode
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Any, Self
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from adapters.settings import Settings
from contracts.envelope import hash_versions
from contracts.ids import hashed_id, new_id_of

DRAWN = 128  # random ids that are drawn at once, by one system call
_random: list[bytes] = []
_HASH, _SAID, _ASKER, _MAC = 16, 8, 6, 8  # bytes of the request hash, of it in an operation id, of who asked, and of the signature
SALT = 16  # bytes


class Operation(msgspec.Struct, frozen=True):
    """What an operation id says: which command, asked by which request of whom."""

    command_id: UUID
    request_hash: str  # the first 16 hex digits, with their version
    asker: bytes = b""  # of whom, as `asker_mark` says; empty in ids of the release before

    def of_request(self, stored: str) -> bool:
        """Whether the stored hash of a request may be that of this operation: a version that both have does not differ."""
        known = hash_versions(stored)
        return all(known.get(version, part).startswith(part) for version, part in hash_versions(self.request_hash).items())


class _Version:
    """What derives from one version of the edge's secret."""

    def __init__(self, secret: str) -> None:
        if len(secret) < 16:
            raise ValueError("FLATRENDER_SECRET must have at least 16 characters: operation ids and API keys derive from it")
        self._secret = secret.encode()
        # BLAKE2b with a key is a MAC by itself, at a third of HMAC's time; both are made for every request.
        self._request = blake2b(key=self.key_for("request"), digest_size=_HASH)
        self._operation = blake2b(key=self.key_for("operation"), digest_size=_MAC)

    def key_for(self, use: str) -> bytes:
        """A key of its own for each use."""
        return hmac.digest(self._secret, use.encode(), "sha256")

    def request_hash(self, line: bytes, body: bytes) -> str:
        mac = self._request.copy()
        mac.update(line)
        mac.update(body)
        return mac.hexdigest()

    def signature(self, tenant: UUID, said: bytes) -> bytes:
        mac = self._operation.copy()
        mac.update(tenant.bytes)
        mac.update(said)
        return mac.digest()


class Signer:
    """Derives and checks by the edge's own secret, equal on all edges, and by the one before it while that is known.

    Raises ValueError for a secret shorter than 16 bytes, or a version that is none.
    """

    def __init__(self, secret: str, before: str = "", version: int = 1) -> None:
        if not (2 if before else 1) <= version <= 255:
            raise ValueError("FLATRENDER_SECRET_VERSION counts the secrets, from 1 to 255: it is 2 or more when there is one before")
        self.version = version
        self._versions = {version: _Version(secret)}  # the newest first
        if before:
            self._versions[version - 1] = _Version(before)
        self._newest, self._prefix, self._byte = self._versions[version], f"{version}:", bytes([version])

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The signer that an edge's settings name."""
        return cls(settings.secret.get_secret_value(), settings.secret_before.get_secret_value(), settings.secret_version)

    def request_hash(self, method: str, path: str, body: bytes) -> str:
        """Keyed hashes of a request, one for each version that is known: equal requests are told without keeping them."""
        line = f"{method} {path}\n".encode()
        newest = self._prefix + self._newest.request_hash(line, body)
        if len(self._versions) == 1:
            return newest
        before = self.version - 1
        return f"{newest} {before}:{self._versions[before].request_hash(line, body)}"

    def operation_id(self, tenant: UUID, asker: str, command_id: UUID, request_hash: str) -> str:
        """The signed name of a tenant's command, its request and who asked, 52 characters; the first of them is the version's."""
        number = len(self._prefix)  # the newest version's hash stands first
        part = bytes.fromhex(request_hash[number : number + 2 * _SAID])
        said = self._byte + command_id.bytes + part + asker_mark(asker)
        return urlsafe_b64encode(said + self._newest.signature(tenant, said)).decode()

    def read_operation_id(self, tenant: UUID, text: str) -> Operation | None:
        """Read an operation id; None when we never made it for this tenant, or made it by a secret that is forgotten."""
        try:
            raw = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        said, mac = raw[:-_MAC], raw[-_MAC:]
        # The comparison of the text closes base64's spare bits: one operation has exactly one id.
        if urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
            return None
        if len(raw) == 16 + _SAID + _MAC:  # as the release before made them
            number, command, asker = 1, said, b""
        elif len(raw) == 1 + 16 + _SAID + _ASKER + _MAC:
            number, command, asker = said[0], said[1:-_ASKER], said[-_ASKER:]
        else:
            return None
        version = self._versions.get(number)
        if version is None or not hmac.compare_digest(mac, version.signature(tenant, said)):
            return None
        return Operation(UUID(bytes=command[:16]), f"{number}:{command[16:].hex()}", asker)

    def draw_salt(self) -> str:
        """What a new secret is made of: random, with the version of the edge's secret that makes it."""
        return f"{self.version}:{secrets.token_hex(SALT)}"

    def secret_of(self, use: str, salt: str) -> str | None:
        """The secret that this salt makes for a use, 32 characters (160 bits); None when its version is forgotten."""
        number, _, drawn = salt.partition(":")
        version = self._versions.get(int(number)) if number.isdecimal() else None
        return None if version is None else _secret(version.key_for(f"{use} 2"), drawn.encode())

    def first_format(self, use: str, command_id: UUID) -> str | None:
        """The secret that the releases before derived from a command's id; None when the secret that did it is forgotten."""
        version = self._versions.get(1)
        return None if version is None else _secret(version.key_for(use), command_id.bytes)


def _secret(key: bytes, of: bytes) -> str:
    return b32encode(hmac.digest(key, of, "sha256")[:20]).decode().lower()


@lru_cache(10_000)
def asker_mark(asker: str) -> bytes:
    """Who asked, in 6 bytes."""
    return blake2b(asker.encode(), digest_size=_ASKER).digest()


def command_id(tenant: UUID, asker: str, route: Any, key: str) -> UUID:
    """The id of the command that somebody's key names on a route (method, path and message type, which names the domain)."""
    return hashed_id("idempotency key", str(tenant), asker, *route, key)


def key_mark(tenant: UUID, asker: str, key: str) -> str:
    """By what a key of somebody is found whatever its route: 32 hex digits."""
    return sha256(f"{tenant}\n{asker}\n{key}".encode()).hexdigest()[:32]


def first_command_id(tenant: UUID, key: str) -> UUID:
    """The id that the releases before gave to the command of a key."""
    return uuid5(tenant, f"idempotency-key:{key}")


def random_id() -> UUID:
    """A new id; its random bits are drawn with others', for one is made for every request."""
    if not _random:
        drawn = os.urandom(10 * DRAWN)
        _random.extend(drawn[at : at + 10] for at in range(0, len(drawn), 10))
    return new_id_of(_random.pop())


def correlation_of(request_id: str) -> UUID:
    """The correlation id for a request id: itself when it is a UUID, else derived from it."""
    try:
        return UUID(request_id)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"request:{request_id}")
