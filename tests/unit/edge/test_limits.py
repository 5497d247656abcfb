"""Token buckets and streams, on a clock of our own."""

from uuid import uuid4

import pytest

from api_edge.errors import Refused
from api_edge.limits import STREAMS, Limits

TENANT = uuid4()


def taken(limits, rate, now, most=10_000):
    count = 0
    while count < most:
        try:
            limits.take(TENANT, rate, now)
        except Refused as refused:
            return count, refused
        count += 1
    return count, None


def test_a_tenant_gets_its_burst_then_its_rate():
    limits = Limits()
    first, refused = taken(limits, 10, 100.0)
    assert first == 20
    assert refused.headers["Retry-After"] == "1"
    assert "q=10" in refused.headers["RateLimit-Policy"]
    assert taken(limits, 10, 101.0)[0] == 10


def test_one_tenant_does_not_take_from_another():
    limits = Limits()
    taken(limits, 5, 1.0)
    limits.take(uuid4(), 5, 1.0)


def test_open_streams_are_counted_and_given_back():
    limits = Limits()
    for _ in range(STREAMS):
        limits.open_stream(TENANT)
    with pytest.raises(Refused):
        limits.open_stream(TENANT)
    limits.close_stream(TENANT)
    limits.open_stream(TENANT)
