"""Ids: which lie in the order of time, and which are what the releases before made of the same."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

import pytest

from api_edge.auth import signing
from consumers.runtime.decoding import former_reaction_id, reaction_id
from consumers.runtime.effects.making import effect_id
from consumers.runtime.effects.row import report_id as effect_report_id
from consumers.runtime.timing import Timer
from contracts import ids
from contracts.envelope import first
from contracts.ids import derived_id, following_id, hashed_id, moment_id, new_id
from contracts.message import PLATFORM
from contracts.node import report_id
from contracts.notification.notifications import ReadNotification

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
COMMAND = ReadNotification(notification_id=UUID(int=1))


@pytest.mark.parametrize("make", [new_id, signing.random_id, lambda: first(COMMAND).id], ids=["new_id", "the edge's", "first"])
def test_ids_that_nobody_chose_lie_in_the_order_of_time_and_differ(make, monkeypatch):
    moment = [1_700_000_000_000]
    monkeypatch.setattr(ids, "time_ns", lambda: moment[0] * 1_000_000 + 999_999)
    made = []
    for _ in range(100):
        made += [make(), make()]
        moment[0] += 1
    assert [one.int >> 80 for one in made] == [1_700_000_000_000 + number // 2 for number in range(200)]
    assert {one.version for one in made} == {7} and len(set(made)) == 200
    drawn = [one.int & (1 << 80) - 1 for one in made]
    free = ((1 << 80) - 1) ^ (0xF << 76) ^ (0xC << 60)
    seen, unseen = 0, free
    for one in drawn:
        seen, unseen = seen | one, unseen & one
    assert (seen & free, unseen) == (free, 0), "every bit behind the moment is drawn"


def test_what_follows_an_event_stands_where_the_event_does():
    event = moment_id(BEGAN, "an event")
    timer = Timer(tenant_id=UUID(int=1), name="a", set_by=event, type="t", body="{}", due_at=BEGAN + timedelta(days=1), recurrence=None)
    effect = effect_id(event, "open")
    made = [
        reaction_id(event, COMMAND, 0, "one"),
        effect,
        effect_report_id(effect, "done"),
        report_id(UUID(int=9), following_id(event, "done")),
    ]
    assert [one.int >> 80 for one in made] == [event.int >> 80] * 4 and len(set(made)) == 4
    assert timer.command_id("render").int >> 80 == int((BEGAN + timedelta(days=1)).timestamp() * 1000), "a timer's where it is due"
    early = Timer(
        tenant_id=UUID(int=1), name="a", set_by=event, type="t", body="{}", due_at=datetime(1960, 1, 1, tzinfo=UTC), recurrence=None
    )
    assert early.command_id("render").int >> 80 == 0


def test_what_follows_an_id_of_the_releases_before_is_what_it_was():
    for parent in (uuid4(), derived_id(uuid4(), "x")):
        assert following_id(parent, "a name") == derived_id(parent, "a name") == uuid5(parent, "a name")
        assert report_id(UUID(int=9), parent) == derived_id(derived_id(PLATFORM, f"reports of {UUID(int=9)}"), str(parent))
    event = moment_id(BEGAN, "an event")
    name = "cmd.notification.notification.read.v1 0"
    assert former_reaction_id(event, COMMAND, 0) == uuid5(event, name)
    assert former_reaction_id(event, COMMAND, 0, "one") == uuid5(event, f"{name} one")


def test_what_follows_is_the_same_each_time_and_differs_by_parent_and_name():
    one, other = moment_id(BEGAN, "one"), moment_id(BEGAN, "other")
    made = [following_id(one, "a"), following_id(one, "b"), following_id(other, "a"), following_id(hashed_id("one"), "a")]
    assert len(set(made)) == 4 and made[0] == following_id(one, "a") == UUID("01a19467-e800-8503-9014-675bea3115a2")
    assert report_id(UUID(int=9), one) != report_id(UUID(int=8), one), "no node can choose another's"
