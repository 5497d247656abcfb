"""What one tenant may ask at once: a token bucket for requests and a count of open streams, of all edges together.

Each edge counts by itself and tells the others twice a second what it let through (`api_edge.capacity.shared_limits`): in between, and
while the broker is away, a tenant of several edges may get more than its part.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from ipaddress import IPv6Network
from uuid import UUID

from api_edge.errors import Refused

BURST_SECONDS = 2.0  # an idle tenant may send this many seconds' worth of requests at once
STRANGERS = 20  # requests per second from one address that come without an API key: nodes that join, or ask whether they still may speak
ALL_STRANGERS = 500  # such requests per second from everywhere: each costs a look into the database
ADDRESSES = 10_000  # that are remembered
STREAMS = 64  # open event streams of one tenant
FORGOTTEN = 3.0  # seconds after its last word that another edge's streams count no more


class Bucket:
    """Tokens of one tenant: `rate` flow in per second, up to `BURST_SECONDS` of them are kept."""

    __slots__ = ("_tokens", "_updated", "rate")

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._tokens = rate * BURST_SECONDS
        self._updated = now

    def take(self, now: float) -> float:
        """Take a token; returns 0, or the seconds until one is there."""
        tokens = min(self.rate * BURST_SECONDS, self._tokens + (now - self._updated) * self.rate)
        self._updated = now
        if tokens >= 1.0:
            self._tokens = tokens - 1.0
            return 0.0
        self._tokens = tokens
        return (1.0 - tokens) / self.rate

    def spend(self, count: int) -> None:
        """So many were taken elsewhere; as many may be owed as can be kept."""
        self._tokens = max(self._tokens - count, -self.rate * BURST_SECONDS)


class Limits:
    """All tenants' buckets and streams; `now` is always the monotonic clock in seconds."""

    def __init__(self) -> None:
        self._buckets: dict[UUID, Bucket] = {}
        self._streams: dict[UUID, int] = {}
        self._addresses: OrderedDict[str, Bucket] = OrderedDict()
        self._strangers = Bucket(ALL_STRANGERS, 0.0)
        self._taken: Counter[UUID] = Counter()  # since it was told
        self._elsewhere: dict[str, tuple[float, Mapping[UUID, int]]] = {}  # open streams of other edges, and when they said so

    def take(self, tenant: UUID, rate: int, now: float) -> Bucket:
        """Count a request. Raises Refused with Retry-After when the tenant has none left."""
        bucket = self._buckets.get(tenant)
        if bucket is None or bucket.rate != rate:
            bucket = self._buckets[tenant] = Bucket(max(1, rate), now)
        if wait := bucket.take(now):
            raise _too_many(f"This account may send {rate} requests per second.", rate, wait)
        self._taken[tenant] += 1
        return bucket

    def told(self) -> tuple[Counter[UUID], dict[UUID, int]]:
        """What was taken since this was asked last, and the open streams: what the other edges are told."""
        taken, self._taken = self._taken, Counter()
        return taken, dict(self._streams)

    def hear(self, edge: str, taken: Mapping[UUID, int], streams: Mapping[UUID, int], now: float) -> None:
        """Another edge tells the same."""
        for tenant, count in taken.items():
            if (bucket := self._buckets.get(tenant)) is not None:  # else nothing of it was taken here
                bucket.spend(count)
        self._elsewhere[edge] = now, streams

    def take_stranger(self, address: str, now: float) -> None:
        """Count a request without an API key. Raises Refused with Retry-After when its address has none left."""
        place = _network(address)
        bucket = self._addresses.pop(place, None) or Bucket(STRANGERS, now)
        self._addresses[place] = bucket
        if len(self._addresses) > ADDRESSES:
            self._addresses.popitem(last=False)
        if wait := bucket.take(now):
            raise _too_many(f"One address may send {STRANGERS} such requests per second.", STRANGERS, wait)
        if wait := self._strangers.take(now):
            raise _too_many(f"All together may send {ALL_STRANGERS} such requests per second.", ALL_STRANGERS, wait)

    def open_stream(self, tenant: UUID, now: float) -> None:
        """Count an open stream. Raises Refused when there are too many."""
        count = self._streams.get(tenant, 0)
        self._elsewhere = {edge: said for edge, said in self._elsewhere.items() if now - said[0] < FORGOTTEN}
        if count + sum(streams.get(tenant, 0) for _, streams in self._elsewhere.values()) >= STREAMS:
            detail = f"This account has {STREAMS} open event streams, which is the most."
            raise Refused("limit.streams", detail, headers={"Retry-After": "10"})
        self._streams[tenant] = count + 1

    def close_stream(self, tenant: UUID) -> None:
        """A stream has ended."""
        self._streams[tenant] -= 1
        if not self._streams[tenant]:
            del self._streams[tenant]


def _network(address: str) -> str:
    """Whose an address is: of IPv6 everybody has 2^64."""
    try:
        return str(IPv6Network((address.partition("%")[0], 64), strict=False)) if ":" in address else address
    except ValueError:
        return address


def _too_many(detail: str, rate: int, wait: float) -> Refused:
    seconds = max(1, round(wait + 0.499))
    headers = {
        "Retry-After": str(seconds),
        "RateLimit-Policy": f'"requests";q={rate};w=1',
        "RateLimit": f'"requests";r=0;t={seconds}',
    }
    return Refused("limit.requests", detail, headers=headers)
