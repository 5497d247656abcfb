"""Copies of foreign facts that are declared in a line: whose word stands, what an event must say, and what earlier releases asked."""

from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from consumers.runtime.copies import copy, last_word, noted
from consumers.runtime.domain import Domain
from consumers.runtime.projection import create
from consumers.runtime.table import Table
from contracts.entity import Row
from contracts.file_mgr.files import FileReady
from contracts.file_mgr.uploads import UploadStarted
from contracts.identity.tenants import TenantCreated, TenantLimitsChanged
from contracts.studio.copies import FileLearned, LearnFile
from tests.support.domain_harness import DomainHarness


class Share(Row, frozen=True, kw_only=True):
    """A copy that follows."""

    render_weight: int
    max_slots: int


class Known(Row, frozen=True, kw_only=True):
    """A copy that is made once, with a name of its own for what the event calls `file_id`."""

    id: UUID
    kind: str


class File(Row, frozen=True, kw_only=True):
    """As studio keeps it."""

    file_id: UUID
    kind: str
    sha256: str
    duration: float


class Said(msgspec.Struct):
    """What is made of an event."""

    id: UUID
    kind: str


SHARES = Table("trial.shares", Share, ())
KNOWN = Table("trial.known", Known, ("id",))
FILES = Table("trial.files", File, ("file_id",))
OF_TENANTS = (TenantCreated, TenantLimitsChanged)


def ready(file_id: UUID, kind: Any = "video") -> FileReady:
    return FileReady(file_id=file_id, kind=kind, sha256="s", bytes=1, width=1, height=1, duration=2.0, scan_key="")


def harness(*reacts: Any, **more: Any) -> DomainHarness:
    return DomainHarness(Domain(name="studio", tables=(), reacts=reacts, **({"decides": {}, "writes": {}} | more)))


def test_of_two_words_the_first_stands_unless_the_last_is_asked_for() -> None:
    file, trial = (
        uuid4(),
        harness(copy("known", FileReady, KNOWN, renamed={"id": "file_id"}), copy("shares", OF_TENANTS, SHARES, replaces=last_word)),
    )
    trial.hear(ready(file))
    trial.hear(ready(file, "picture"))
    assert (trial.row(KNOWN, file).kind, trial.row(KNOWN, file).version) == ("video", 1)
    trial.hear(TenantCreated(name="n", render_weight=1, max_slots=2, requests_per_second=3))
    trial.hear(TenantLimitsChanged(render_weight=1, max_slots=5, requests_per_second=3))
    assert (trial.row(SHARES).max_slots, trial.row(SHARES).version) == (5, 2)
    trial.hear(TenantLimitsChanged(render_weight=1, max_slots=5, requests_per_second=9))
    assert trial.row(SHARES).version == 2, "the same once more is no change"


def test_what_an_event_does_not_say_is_told_when_the_copy_is_declared() -> None:
    with pytest.raises(TypeError, match=r"the copy known: FileReady says nothing of id of trial.known"):
        copy("known", FileReady, KNOWN)
    with pytest.raises(TypeError, match=r"UploadStarted says nothing of kind, duration"):
        copy("files", (FileReady, UploadStarted), FILES)
    with pytest.raises(TypeError, match=r"trial.files has no strange"):
        copy("files", FileReady, FILES, renamed={"strange": "name"})


def test_what_is_made_of_an_event_first_says_what_the_row_needs() -> None:
    def said(event: UploadStarted) -> Said:
        return Said(event.file_id, "announced")

    trial, file = harness(copy("known", UploadStarted, KNOWN, said=said)), uuid4()
    trial.hear(
        UploadStarted(file_id=file, upload_id=uuid4(), name="n", bytes=1, media_type="a/b", object_key="k", part_bytes=1, part_count=1)
    )
    assert trial.row(KNOWN, file).kind == "announced"


def test_what_an_earlier_release_asked_is_decided_and_writes_over_nothing() -> None:
    files = copy("files", FileReady, FILES, formerly=LearnFile)
    trial = harness(files, decides={LearnFile: noted(FILES, FileLearned)}, writes={FileLearned: create(FILES)})
    known, queued = uuid4(), uuid4()
    trial.hear(ready(known))
    assert files.formerly is not None
    (asked,) = files.formerly(ready(queued), None)  # type: ignore[arg-type]
    assert asked == LearnFile(file_id=queued, kind="video", sha256="s", duration=2.0)
    assert [type(event) for event in trial.do(asked)] == [FileLearned] and trial.row(FILES, queued).kind == "video"
    assert trial.do(LearnFile(file_id=known, kind="picture", sha256="other", duration=0.0)) == []
    assert trial.row(FILES, known).sha256 == "s"
