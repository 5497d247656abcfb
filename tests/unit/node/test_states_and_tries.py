"""Small rules: which moves there are, how often a crash is tried again, what may stand in a log."""

import json
import logging

import pytest

from node_worker.daemon import WHAT
from node_worker.engines.host import EngineCrashed
from node_worker.log import JsonLines, redact
from node_worker.parts.draw import Tries
from node_worker.parts.part import failure_of
from node_worker.states import MOVES, State


def test_every_state_can_be_reached_and_left_and_ends_in_stopped():
    reachable = {State.STARTING}
    while more := {then for state in reachable for then in MOVES[state]} - reachable:
        reachable |= more
    assert reachable == set(State)
    assert all(State.STOPPED in MOVES[state] or state is State.STOPPED for state in State)
    assert set(WHAT) == set(State) - {State.STOPPED}


@pytest.mark.parametrize(
    ("crashes", "expected"),
    [
        ([EngineCrashed("signal", signal=11)] * 2, [True, False]),
        ([EngineCrashed("hang"), EngineCrashed("signal", signal=11)], [True, False]),
        ([EngineCrashed("oom")] * 2, [True, False]),
        ([EngineCrashed("hang", signal=9)] * 2, [True, False]),
        ([EngineCrashed("oom", signal=6)] * 2, [True, False]),
        ([EngineCrashed("oom", signal=9), EngineCrashed("signal", signal=11), EngineCrashed("exit")], [True, True, False]),
        ([EngineCrashed("signal", signal=9)] * 4, [True, True, True, False]),
        ([EngineCrashed("disk_full")] * 2, [True, False]),
    ],
)
def test_a_crash_is_tried_again_once_and_more_often_when_the_scene_was_not_to_blame(crashes, expected):
    tries = Tries(lambda: 1)
    for crash, wanted in zip(crashes, expected, strict=True):
        assert tries.again(crash) is wanted


def test_a_full_disk_is_not_tried_again_when_the_cache_has_nothing_to_give():
    assert not Tries(lambda: 0).again(EngineCrashed("disk_full"))


def test_the_secret_half_of_an_address_is_cut():
    text = "PUT http://s3:80/b/k?X-Amz-Signature=abc&x=1 and nats://node:secret@host:4222 'https://a/b?c=d'"
    assert redact(text) == "PUT http://s3:80/b/k?… and nats://host:4222 'https://a/b?…'"


def test_a_log_line_is_json_and_holds_no_signature():
    record = logging.LogRecord("node", logging.INFO, "", 0, "event", None, None)
    record.fields = {"address": "http://h/k?sig=1"}
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["address"]) == ("event", "http://h/k?…")


def test_a_death_from_outside_is_not_told_as_the_fault_of_the_template():
    killed, starved = failure_of(EngineCrashed("oom", signal=9)), failure_of(EngineCrashed("oom"))
    assert (killed.code, killed.crash) == ("node.engine_killed", "engine_crash")
    assert (starved.code, starved.crash) == ("node.out_of_memory", "out_of_memory")
