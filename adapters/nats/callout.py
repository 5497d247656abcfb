"""What nats-server's auth callout speaks: it asks who may come in by a signed token, and is answered by another (JWT, Ed25519).

https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_callout; nkeys: base32 of a prefix, the key and its CRC-16.
"""

import base64
import binascii
import hashlib
import json
import os
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SEED, _ACCOUNT = 18 << 3, 0  # "S" and "A"
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}


class Asked(msgspec.Struct, frozen=True):
    """One connection that waits: who it says it is, and what an answer has to name."""

    user: str
    password: str
    user_nkey: str
    server: str  # the server's id


class Issuer:
    """An account's key, by which the server knows the answers. Raises ValueError for what is no account's seed (`SA…`)."""

    def __init__(self, seed: str) -> None:
        raw = _decoded(seed)
        if len(raw) != 34 or raw[0] & 0xF8 != _SEED or (raw[0] & 7) << 5 | (raw[1] & 0xF8) >> 3 != _ACCOUNT:
            raise ValueError(
                "FLATRENDER_NATS_ISSUER must be the seed of an account's nkey, SA…; `flatrender provision --new-issuer` makes one"
            )
        self._key = Ed25519PrivateKey.from_private_bytes(raw[2:])
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = _encoded(bytes([_ACCOUNT << 3]) + public)

    def admit(self, asked: Asked, account: str, publish: Sequence[str], subscribe: Sequence[str]) -> bytes:
        """Let it in, with these permissions only; an empty list is nothing."""
        permissions = {"pub": _grant(publish), "sub": _grant(subscribe), "subs": -1, "data": -1, "payload": -1}
        user = {"sub": asked.user_nkey, "aud": account, "name": asked.user, "nats": {"type": "user", "version": 2, **permissions}}
        return self._answer(asked, jwt=self._signed(user))

    def refuse(self, asked: Asked, why: str) -> bytes:
        """Keep it out; the server logs why, the client only hears that it is refused."""
        return self._answer(asked, error=why)

    def _answer(self, asked: Asked, **said: str) -> bytes:
        return self._signed(
            {"sub": asked.user_nkey, "aud": asked.server, "nats": {"type": "authorization_response", "version": 2, **said}}
        ).encode()

    def _signed(self, claims: dict[str, Any]) -> str:
        claims = {"iat": int(time.time()), "iss": self.public, **claims}
        digest = hashlib.sha256(json.dumps(claims).encode()).digest()
        claims["jti"] = base64.b32encode(digest).decode().rstrip("=")
        text = f"{_url64(json.dumps(_HEADER).encode())}.{_url64(json.dumps(claims).encode())}"
        return f"{text}.{_url64(self._key.sign(text.encode()))}"


def new_seed() -> str:
    """A new account's seed."""
    return _encoded(bytes([_SEED | _ACCOUNT >> 5, (_ACCOUNT & 31) << 3]) + os.urandom(32))


def asked_of(data: bytes) -> Asked:
    """Read the server's question. Only the server can put it: no user may publish to its subject. Raises ValueError or KeyError."""
    claims = json.loads(_plain64(data.decode().split(".")[1]))["nats"]
    given = claims["connect_opts"]
    return Asked(str(given.get("user", "")), str(given.get("pass", "")), claims["user_nkey"], claims["server_id"]["id"])


def _grant(subjects: Sequence[str]) -> dict[str, list[str]]:
    return {"allow": list(subjects)} if subjects else {"deny": [">"]}


def _encoded(raw: bytes) -> str:
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    """The bytes of an nkey; nothing when it is none."""
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except ValueError:
        return b""
    return raw[:-2] if binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "little") == raw[-2:] else b""


def _url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _plain64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
