"""Where an object lies is the farm's own business, also where a node's words on what went wrong name its address."""

import pytest

from consumers.render.kinds.exports import MISSING
from consumers.render.leases.object_keys import without_places
from consumers.render.parts.failures import TRIES_WITHOUT_FAULT
from contracts.file_mgr.files import FileRejected
from contracts.message import encode
from contracts.node import ReportFailure, ReportInspection
from contracts.render.repairs import RepairRequested
from tests.unit.domains.render.test_render import NODE, assign, drawn, farm, inspecting, submit

PLACE = "segments/of-a-tenant/key/1-part"
SAID = f"GET http://somebody:secret@store.example:9000/bucket/{PLACE}?X-Amz-Signature=secret: it was answered 404"
TOLD = "GET http://store.example:9000/…: it was answered 404"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (SAID, TOLD),
        ("('HTTPS://store/bucket/key?…', 'http://other/x')", "('HTTPS://store/…', 'http://other/…')"),
        ("see https://store.example/a/b.", "see https://store.example/…."),
        ("http://store", "http://store"),
        ("it cannot be read: x/y", "it cannot be read: x/y"),
    ],
)
def test_of_an_address_the_server_alone_is_told(said: str, told: str) -> None:
    assert without_places(said) == told


@pytest.mark.parametrize("kind", ["render", "assemble", "inspect"])
def test_no_event_of_a_failure_says_where_an_object_lies(kind: str) -> None:
    harness, subject = inspecting() if kind == "inspect" else ((made := farm()), submit(made))
    if kind == "assemble":
        drawn(harness, subject)
    events = []
    for _ in range(TRIES_WITHOUT_FAULT):
        part = assign(harness, subject, kind)
        failed = ReportFailure(part_id=part.part_id, epoch=part.epoch, code="node.storage_away", detail=SAID)
        events += harness.do(failed, actor=f"node:{NODE}")
    told = encode(events).decode()
    assert TOLD in told and PLACE not in told and "secret" not in told
    assert {type(event).__name__ for event in events} & {"JobFailed", "InspectionEnded"}, "it was given up"


def test_a_repair_says_what_was_found_and_not_where() -> None:
    harness = farm()
    job_id = submit(harness)
    key = drawn(harness, job_id).keys[0]
    part = assign(harness, job_id, "assemble")
    missing = ReportFailure(part_id=part.part_id, epoch=part.epoch, code=MISSING, detail=SAID, segment=key)
    (repair,) = [event for event in harness.do(missing, actor=f"node:{NODE}") if isinstance(event, RepairRequested)]
    assert repair.reason.endswith(TOLD)


def test_an_inspection_says_what_is_wrong_with_a_file_and_not_where_it_lies() -> None:
    harness, file_id = inspecting()
    part = assign(harness, file_id, "inspect")
    found = ReportInspection(part_id=part.part_id, epoch=part.epoch, kind="unknown", code="file.broken", detail=SAID)
    ended, _ = harness.do(found, actor=f"node:{NODE}")
    assert FileRejected(file_id=file_id, code=ended.code, detail=ended.detail).detail == TOLD
