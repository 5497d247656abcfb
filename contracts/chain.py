"""The log's hash chain, and the marks by which a message of EVENTS shows that the sequencer of this very log wrote it."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

GENESIS = "0" * 64
"""What the first event continues."""
HASH, BEFORE, EPOCH, SEAL = "fr-hash", "fr-prev", "fr-epoch", "fr-seal"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode


def chained(prev_hash: str, position: int, values: Sequence[Any]) -> str:
    """SHA-256 over the hash before and a JSON array of the position and the event's values, the time in microseconds.

    Values: event id, type, tenant, time, actor, correlation, causation, aggregate, version, traceparent, body.
    """
    event_id, kind, tenant, time, *rest = values
    row = _encode([position, event_id, kind, tenant, _micros(time), *rest])  # an id is the same as UUID and as its text
    return hashlib.sha256(b"%b\n%b" % (prev_hash.encode(), row)).hexdigest()


def _micros(time: datetime) -> int:
    since = time - _BEGINNING
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds


def hash_of(position: int, headers: Mapping[str, str], body: bytes) -> str:
    """The hash that a message at this position must have. Raises KeyError, ValueError or TypeError for what is no event."""
    row = _encode(
        [
            position,
            headers["ce-id"],
            headers["ce-type"],
            headers["ce-tenant"],
            _micros(datetime.fromisoformat(headers["ce-time"])),
            headers["ce-actor"],
            headers["ce-correlation"],
            headers["ce-causation"],
            headers["ce-aggregate"],
            int(headers["ce-version"]),
            headers.get("traceparent", ""),
            body.decode(),
        ]
    )
    return hashlib.sha256(b"%b\n%b" % (headers[BEFORE].encode(), row)).hexdigest()


class Marks:
    """Makes and checks the marks of one epoch; `key` is the log's own secret, which the services read from its head.

    A hash has no secret: whoever may publish could compute one. The seal, a keyed hash of epoch and hash, nobody else can make.
    """

    def __init__(self, epoch: int, key: str) -> None:
        self.epoch = epoch
        self._key = key.encode()
        self._begun = self._keyed(epoch)
        self._lines = "" if epoch == 0 else f"{EPOCH}: {epoch}\r\n"

    def seal(self, hash: str) -> str:
        """The seal of the row with this hash, which nobody can know before it is published."""
        made = self._begun.copy()
        made.update(hash.encode())
        return made.hexdigest()

    def lines(self, prev_hash: str, hash: str, seal: str) -> str:
        """The header lines of the row with this hash and this seal, which continues another row."""
        return f"{HASH}: {hash}\r\n{BEFORE}: {prev_hash}\r\n{self._lines}{SEAL}: {seal}\r\n"

    def fits(self, position: int, headers: Mapping[str, str] | None, body: bytes) -> bool:
        """Whether this is the log's event of that position and of this epoch; 5 us."""
        return self.sealed_in(position, headers, body) == self.epoch

    def sealed_in(self, position: int, headers: Mapping[str, str] | None, body: bytes) -> int | None:
        """The epoch in which the sequencer published this at that position; None for what it never did."""
        if not headers or SEAL not in headers:
            return None
        try:
            epoch, hash = int(headers.get(EPOCH, "0")), headers[HASH]
            if hash_of(position, headers, body) != hash:
                return None
        except (KeyError, ValueError, TypeError, OverflowError):
            return None
        made = self._begun.copy() if epoch == self.epoch else self._keyed(epoch)
        made.update(hash.encode(errors="replace"))
        return epoch if hmac.compare_digest(headers[SEAL].encode(errors="replace"), made.hexdigest().encode()) else None

    def _keyed(self, epoch: int) -> "hashlib.blake2b":
        return hashlib.blake2b(b"%d " % epoch, key=self._key, digest_size=16)
