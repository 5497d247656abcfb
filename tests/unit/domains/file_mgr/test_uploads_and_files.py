from typing import Any
from uuid import uuid4

from consumers.file_mgr import DOMAIN, effects, files, uploads
from consumers.file_mgr.files import FILES
from consumers.file_mgr.uploads import UPLOADS
from consumers.runtime.domain import DropTimer
from contracts.envelope import first
from contracts.file_mgr.files import DiscardFile, JudgeFile, StoreFile
from contracts.file_mgr.uploads import (
    MOST_BYTES,
    AbortUpload,
    CompleteUpload,
    FailUpload,
    OpenUpload,
    StartUpload,
    UploadAborted,
    UploadCompleted,
)
from tests.support.domain_harness import DomainHarness, kinds, refused


def opened(size: int = 100, sha256: str = "") -> tuple[DomainHarness, object]:
    harness = DomainHarness(DOMAIN)
    [started] = harness.do(StartUpload(name="a.lottie", bytes=size, sha256=sha256))
    harness.do(OpenUpload(upload_id=started.upload_id, storage_id="s3"))
    return harness, started


def stored(sha256: str = "") -> tuple[DomainHarness, object]:
    harness, started = opened(sha256=sha256)
    harness.do(CompleteUpload(upload_id=started.upload_id, etags=("e",)))
    harness.do(StoreFile(upload_id=started.upload_id, bytes=100))
    return harness, started


def test_a_large_file_gets_parts_that_cover_it() -> None:
    [started] = DomainHarness(DOMAIN).do(StartUpload(name="a.mov", bytes=uploads.PART * 2 + 1))
    assert started.part_count == 3 and started.part_bytes * 3 >= uploads.PART * 2 + 1


def test_the_largest_file_fits_into_ten_thousand_parts() -> None:
    [started] = DomainHarness(DOMAIN).do(StartUpload(name="a.mov", bytes=MOST_BYTES))
    assert started.part_count <= 10_000 and started.part_bytes * started.part_count >= MOST_BYTES


def test_starting_an_upload_asks_the_store_and_sets_a_timer() -> None:
    [started] = DomainHarness(DOMAIN).do(StartUpload(name="a", bytes=1))
    envelope = first(started)
    assert effects.on_started(started, envelope) == [effects.Open(started.upload_id, started.object_key, started.media_type)]
    [known] = DomainHarness(DOMAIN).do(StartUpload(name="a", bytes=1, sha256="a" * 64))
    [large] = DomainHarness(DOMAIN).do(StartUpload(name="a", bytes=uploads.PART + 1, sha256="a" * 64))
    assert [effects.on_started(one, envelope)[0].hashed for one in (known, large)] == [True, False]
    [timer] = uploads.give_up_later(started, envelope)
    assert timer.due_at - envelope.time == uploads.LIVES and timer.command == AbortUpload(upload_id=started.upload_id)


def test_an_upload_is_completed_with_all_its_parts() -> None:
    harness, started = opened()
    assert refused(harness.do(CompleteUpload(upload_id=started.upload_id, etags=()))) == "file.parts"
    assert kinds(harness.do(CompleteUpload(upload_id=started.upload_id, etags=("e",)))) == ["UploadCompleted"]


def test_completing_twice_with_the_same_parts_is_no_error() -> None:
    harness, started = opened()
    harness.do(CompleteUpload(upload_id=started.upload_id, etags=("e",)))
    assert kinds(harness.do(CompleteUpload(upload_id=started.upload_id, etags=("e",)))) == []
    assert refused(harness.do(CompleteUpload(upload_id=started.upload_id, etags=("f",)))) == "file.upload_state"


def test_a_stored_file_waits_for_its_inspection() -> None:
    harness, started = stored()
    assert harness.row(UPLOADS, started.upload_id).state == "stored"
    assert harness.row(FILES, started.file_id).state == "inspecting"


def test_a_file_of_another_size_than_announced_is_not_accepted() -> None:
    harness, started = opened()
    harness.do(CompleteUpload(upload_id=started.upload_id, etags=("e",)))
    assert kinds(harness.do(StoreFile(upload_id=started.upload_id, bytes=99))) == ["UploadAborted", "FileGivenUp"]
    assert harness.row(FILES, started.file_id).state == "rejected"


def test_a_judged_file_is_ready_with_its_facts() -> None:
    harness, started = stored()
    harness.do(JudgeFile(file_id=started.file_id, kind="picture", sha256="s", width=3, height=2))
    row = harness.row(FILES, started.file_id)
    assert (row.state, row.kind, row.width, row.height) == ("ready", "picture", 3, 2)


def test_a_rejected_file_says_why_and_is_not_judged_again() -> None:
    harness, started = stored()
    harness.do(JudgeFile(file_id=started.file_id, kind="unknown", code="file.unknown", detail="no"))
    assert kinds(harness.do(JudgeFile(file_id=started.file_id, kind="picture", sha256="s"))) == []
    assert harness.row(FILES, started.file_id).code == "file.unknown"


def test_a_person_cannot_abort_what_is_stored_but_the_timer_is_silent() -> None:
    harness, started = stored()
    assert refused(harness.do(AbortUpload(upload_id=started.upload_id))) == "file.upload_state"
    assert kinds(harness.do(AbortUpload(upload_id=started.upload_id), timer="2026-01-02T00:00:00+00:00 a timer")) == []


def test_who_only_calls_itself_a_timer_is_none() -> None:
    harness, started = stored()
    assert refused(harness.do(AbortUpload(upload_id=started.upload_id), actor="timer")) == "file.upload_state"


def test_an_upload_that_ends_drops_the_timer_that_its_start_set() -> None:
    started, *_ = DomainHarness(DOMAIN).do(StartUpload(name="a", bytes=1))
    (name,) = timers_of(started)
    assert timers_of(UploadCompleted(upload_id=started.upload_id, etags=())) == {name: DropTimer(name)}
    assert timers_of(UploadAborted(upload_id=started.upload_id, file_id=started.file_id, reason="")) == {name: DropTimer(name)}


def timers_of(event: Any) -> dict[str, Any]:
    """What an event makes of timers, by their names."""
    return {change.name: change for make in DOMAIN.timers[type(event)] for change in make(event, first(event))}


def test_an_upload_that_the_store_refuses_ends_with_the_reason() -> None:
    harness, started = opened()
    harness.do(FailUpload(upload_id=started.upload_id, reason="no room"))
    row = harness.row(UPLOADS, started.upload_id)
    assert (row.state, row.reason) == ("aborted", "no room")


def test_a_file_that_will_never_come_is_rejected_with_the_reason() -> None:
    harness, started = opened()
    assert kinds(harness.do(AbortUpload(upload_id=started.upload_id))) == ["UploadAborted", "FileGivenUp"]
    file = harness.row(FILES, started.file_id)
    assert (file.state, file.code, file.name, file.object_key) == ("rejected", "file.upload_aborted", "a.lottie", "")
    assert "aborted on request" in file.detail
    assert kinds(harness.do(DiscardFile(file_id=started.file_id))) == [], "it has no object"


def test_an_unknown_upload_is_not_found() -> None:
    for command in (CompleteUpload(upload_id=uuid4(), etags=()), AbortUpload(upload_id=uuid4())):
        assert refused(DomainHarness(DOMAIN).do(command)) == "upload.not_found"


def test_late_words_of_the_store_change_nothing() -> None:
    harness, started = stored()
    assert kinds(harness.do(OpenUpload(upload_id=started.upload_id, storage_id="other"))) == []
    assert kinds(harness.do(StoreFile(upload_id=started.upload_id, bytes=100))) == []
    assert kinds(harness.do(FailUpload(upload_id=started.upload_id, reason="late"))) == []


def test_a_file_of_no_known_kind_is_rejected() -> None:
    harness, started = stored()
    assert kinds(harness.do(JudgeFile(file_id=started.file_id, kind="unknown", sha256="s"))) == ["FileRejected"]
    assert harness.row(FILES, started.file_id).code == "file.unknown_kind"


def test_a_rejected_files_object_is_removed_once() -> None:
    harness, started = stored()
    assert kinds(harness.do(DiscardFile(file_id=started.file_id))) == []
    [rejected] = harness.do(JudgeFile(file_id=started.file_id, kind="unknown", code="file.unknown", detail="no"))
    [discard] = files.on_rejected(rejected, first(rejected))
    [discarded] = harness.do(discard)
    assert effects.on_discarded(discarded, first(discarded)) == [effects.Remove(started.object_key)]
    assert harness.row(FILES, started.file_id).object_key == "" and harness.row(FILES, started.file_id).state == "rejected"
    assert kinds(harness.do(discard)) == []


def test_a_ready_files_object_stays() -> None:
    harness, started = stored()
    harness.do(JudgeFile(file_id=started.file_id, kind="picture", sha256="s"))
    assert kinds(harness.do(DiscardFile(file_id=started.file_id))) == []
