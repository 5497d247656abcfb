"""Secrets as people hold them: API keys `fr1_…`, join tokens `fj1_…`, with a checksum: what is mistyped is told without a look-up.

`<mark>1_<id, 32 hex digits>_<secret, 32 of a-z and 2-7>_<CRC-32 of all before the last underscore, 8 hex digits>`
"""

import re
from hashlib import sha256
from uuid import UUID
from zlib import crc32

from api_edge.errors import Refused

PATTERN = "{mark}1_[0-9a-f]{{32}}_[a-z0-9]{{32}}_[0-9a-f]{{8}}"  # for scanners of secrets, too
_SHAPES = {mark: re.compile(PATTERN.format(mark=mark)) for mark in ("fr", "fj")}
LENGTH = 78  # characters
_NAMES = {"fr": "API key", "fj": "join token"}


def secret_text(mark: str, id: UUID, secret: str) -> str:
    """A secret's text, to be shown once."""
    text = f"{mark}1_{id.hex}_{secret}"
    return f"{text}_{_checksum(text)}"


def first_text(mark: str, id: UUID, secret: str) -> str:
    """The same as the releases before made it: without a checksum."""
    return f"{mark}_{id.hex}_{secret}"


def parted(mark: str, text: str) -> tuple[str, str] | None:
    """The id's 32 hex digits and the secret of a text, of either format; None for what is no such text at all.

    Raises Refused for one of the newer format that is not whole.
    """
    text = text.strip()
    given, _, rest = text.partition("_")
    if given == mark:
        id, _, secret = rest.partition("_")
        return (id, secret) if secret and re.fullmatch("[0-9a-f]{32}", id) else None
    if mark not in _SHAPES or given != f"{mark}1":
        return None
    before, _, checksum = text.rpartition("_")
    if not _SHAPES[mark].fullmatch(text) or _checksum(before) != checksum:
        detail = f"This {_NAMES[mark]} is not whole: it was mistyped or cut off. One has {LENGTH} characters, the last 8 are a checksum."
        raise Refused("auth.malformed", detail)
    _, id, secret, _ = text.split("_")
    return id, secret


def _checksum(text: str) -> str:
    return f"{crc32(text.encode()):08x}"


def secret_hash(secret: str) -> str:
    """What is stored of a secret: SHA-256 in hex. The secret has 160 random bits, so no slow hash is needed."""
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def hint_of(secret: str) -> str:
    """The first characters of a secret, by which people tell theirs apart."""
    return f"{secret[:4]}…"
