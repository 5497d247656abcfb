"""What a batch makes of its events' effects, and what a try lets through, without a database."""

from uuid import uuid4

import msgspec
import pytest

from consumers.file_mgr import DOMAIN
from consumers.file_mgr.effects import Open
from consumers.runtime.effects import row
from consumers.runtime.effects.declared import Backoff, Destination, EffectKind, TooLate
from consumers.runtime.effects.making import effect_id, effect_rows, former_effect_id
from consumers.runtime.effects.row import Claimed, Try, answer_of
from contracts.envelope import derived_id, first
from contracts.file_mgr.uploads import OpenUpload, UploadStarted
from deploy.domains import all_domains

STARTED = UploadStarted(
    upload_id=uuid4(), file_id=uuid4(), name="a", bytes=1, media_type="image/png", object_key="files/a", part_bytes=1, part_count=1
)


def test_an_event_may_have_several_makers_and_each_effect_an_id_that_is_derived_again() -> None:
    makers = DOMAIN.makes[UploadStarted]
    domain = msgspec.structs.replace(DOMAIN, makes={UploadStarted: (*makers, lambda event, envelope: [Open(uuid4(), "b", "c")])})
    envelope = first(STARTED)
    made = effect_rows(domain, [(envelope, STARTED, "", 0)])
    assert made.lanes == {"prompt"} and made
    ids = [effect_id(envelope.id, "open"), effect_id(envelope.id, "open", 2)]
    assert made.rows[1] == f"{{{ids[0]},{ids[1]}}}"
    assert former_effect_id(envelope.id, "open") == derived_id(envelope.id, "effect open "), "as the release before named it"
    assert [id.int >> 80 for id in ids] == [envelope.id.int >> 80] * 2, "they stand where their event does"


def test_a_batch_without_effects_wakes_nobody() -> None:
    assert not effect_rows(DOMAIN, [])


def test_every_kind_has_a_name_and_a_payload_of_its_own_and_every_maker_a_kind() -> None:
    for domain in all_domains():
        assert len({kind.name for kind in domain.effects}) == len(domain.kinds) == len(domain.effects), domain.name


def test_payloads_have_the_fields_that_rows_of_the_release_before_have_and_need_no_more() -> None:
    kinds = {kind.name: kind.payload for domain in all_domains() for kind in domain.effects if not kind.together}
    before = {
        "open": {"upload_id", "object_key", "media_type"},
        "join": {"upload_id"},
        "drop": {"upload_id"},
        "import": {"project_id", "scan_key"},
        "stop": {"part_id", "node_id"},
        "tell_node": {"node_id", "refused"},
        "look_at_job": {"job_id"},
        "look_at_export": {"repair_id", "object_key"},
        "look_at_delivery": {"job_id", "object_key", "bytes"},
    }
    for name, fields in before.items():
        assert fields <= set(kinds[name].__struct_fields__), name
        assert {one.encode_name for one in msgspec.structs.fields(kinds[name]) if one.required} <= fields, name


def claimed(**more: object) -> Claimed:
    kind = EffectKind(name="open", payload=Open)
    plain = (uuid4(), uuid4(), uuid4(), 1, kind, Open(uuid4(), "a", "b"), first(STARTED), 1, 0)
    return Claimed(*plain, **({"reports": 0, "state": "due", "ended": ""} | more))  # type: ignore[arg-type]


def test_each_report_has_an_id_of_its_own_and_the_first_that_of_the_releases_before() -> None:
    one, told_before = claimed(), claimed(reports=1)
    told_before.id = one.id
    ids = {one.report_id(0, "done"), one.report_id(1, "done"), one.report_id(0, "unknown"), one.report_id(0, "exhausted")}
    ids |= {told_before.report_id(0, "done"), told_before.report_id(0, "unknown")}
    assert len(ids) == 6 and one.report_id(1, "done") == derived_id(one.id, "report 1")


def test_an_answer_is_read_as_it_was_kept() -> None:
    command = OpenUpload(upload_id=uuid4(), storage_id="s")
    found = row._commands_of(answer_of([command]))
    assert found == [command]


def test_what_begins_too_late_is_not_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [100.0]
    monkeypatch.setattr(row, "clock", lambda: moment[0])
    call = Try(claimed(), 102.0)
    assert call.left == 2.0 and not call.begun
    call.begin()
    assert call.begun
    moment[0] = 102.0
    with pytest.raises(TooLate):
        call.begin()


def test_a_try_of_what_may_be_repeated_may_begin_whenever_it_likes() -> None:
    call = Try(claimed())
    call.begin()
    assert call.left == float("inf")


def test_waits_double_up_to_a_bound() -> None:
    assert [Backoff(1.0, 5.0).after(tries) for tries in range(5)] == [1.0, 1.0, 2.0, 4.0, 5.0]
    assert Backoff().after(10**6) == 300.0
    assert (Destination(of=str, per_second=4.0).pace, Destination(of=str).pace) == (0.25, 0.0)
