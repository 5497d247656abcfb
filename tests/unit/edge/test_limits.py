"""Token buckets and streams, on a clock of our own."""

from uuid import uuid4

import pytest

from api_edge.capacity.limits import FORGOTTEN, STREAMS, Limits
from api_edge.errors import Refused

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
        limits.open_stream(TENANT, 1.0)
    with pytest.raises(Refused):
        limits.open_stream(TENANT, 1.0)
    limits.close_stream(TENANT)
    limits.open_stream(TENANT, 1.0)


def test_what_other_edges_let_through_is_taken_from_here_too():
    here, there = Limits(), Limits()
    first, _ = taken(here, 10, 100.0, most=5)
    elsewhere, _ = taken(there, 10, 100.0)
    requests, streams = there.told()
    here.hear("there", requests, streams, 100.0)
    assert (first, elsewhere, dict(requests)) == (5, 20, {TENANT: 20})
    assert taken(here, 10, 100.0)[0] == 0, "together they have had their burst"
    assert taken(here, 10, 101.0)[0] == 5, "and what was too much is owed"
    assert not there.told()[0], "each request is told once"


def test_what_is_owed_is_bounded():
    limits = Limits()
    taken(limits, 10, 100.0, most=1)
    limits.hear("there", {TENANT: 1_000_000}, {}, 100.0)
    assert taken(limits, 10, 103.0)[0] == 10


def test_streams_at_other_edges_count_until_those_are_silent():
    limits = Limits()
    limits.hear("there", {}, {TENANT: STREAMS - 1}, 100.0)
    limits.open_stream(TENANT, 100.0)
    with pytest.raises(Refused):
        limits.open_stream(TENANT, 100.0)
    limits.open_stream(TENANT, 100.0 + FORGOTTEN)
