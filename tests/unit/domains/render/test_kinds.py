"""A kind of work is one value: a kind that nobody here knows is given out, fails, waits again, ends and has its manifest by that alone."""

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from consumers.render import DOMAIN, scrubber
from consumers.render.kinds import KINDS, SHORT
from consumers.render.kinds.short_work import TRIES, short_kind
from consumers.render.leases.kind import Failure, Queue
from consumers.render.leases.lease import PARTS
from consumers.render.leases.manifest_inputs import Known, ManifestInputs, read_rows
from consumers.render.leases.manifests import result_address
from consumers.render.parts import dispatch
from consumers.render.scheduling.farm import Farm
from consumers.render.scheduling.farm.apply_events import of_queue
from consumers.runtime.projection import upsert
from consumers.runtime.table import Table
from contracts.entity import Row
from contracts.node import Manifest, ReportExport, ReportInspection, ReportSegment, ReportSnapshot
from contracts.render.inspections import RequestInspection
from contracts.render.parts import ExpirePart, PartKind
from contracts.render.snapshots import SnapshotDrawn, SnapshotFailed, SnapshotQueued
from contracts.spec import RenderSpec, SceneSpec
from node_worker.parts.part_runner import KINDS as RUN
from tests.support.domain_harness import DomainHarness, kinds, refused
from tests.unit.domains.render.test_render import NODE, SHA, assign, drawn, fail, farm, register, submit
from tests.unit.domains.render.test_snapshots import ask as question

RENDER = Path(__file__).resolve().parents[4] / "consumers" / "render"
NAMES = get_args(PartKind)


class Thumbnail(Row, frozen=True, kw_only=True):
    """What waits of the new kind; the events of snapshots tell of it here, as messages are declared in contracts alone."""

    snapshot_id: UUID
    state: str = "queued"
    attempts: int = 0
    code: str = ""


THUMBNAILS = Table("render.thumbnails", Thumbnail, ("snapshot_id",))


def given_up(row: Thumbnail, failure: Failure) -> SnapshotFailed:
    return SnapshotFailed(snapshot_id=row.snapshot_id, code=failure.code, detail=failure.detail)


async def read(ask: Any, known: Known, inputs: ManifestInputs, parts: Any) -> None:
    await read_rows(ask, inputs, parts, "thumbnails", "snapshot_id")


def manifest(inputs: ManifestInputs, part: Any, objects: Any) -> Manifest:
    [row] = inputs.rows[part.part_id]
    return Manifest(source_url=row["object_key"], put_url=result_address("there", inputs, part, objects), object_key="there")


QUEUE = Queue(THUMBNAILS, SnapshotQueued, (SnapshotDrawn, SnapshotFailed))
NEW = short_kind(name="thumbnail", queue=QUEUE, given_up=given_up, read=read, manifest=manifest)  # type: ignore[arg-type]


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> tuple[DomainHarness, UUID]:
    """A farm that has the kind, and a thumbnail that waits."""
    monkeypatch.setitem(KINDS, NEW.name, NEW)
    of_it = {
        SnapshotQueued: upsert(THUMBNAILS, state="queued", attempts=0, code=""),
        SnapshotDrawn: upsert(THUMBNAILS, state="done"),
        SnapshotFailed: upsert(THUMBNAILS, state="failed"),
    }
    harness, thumbnail = DomainHarness(replace(DOMAIN, tables=(*DOMAIN.tables, THUMBNAILS), writes=DOMAIN.writes | of_it)), uuid4()
    register(harness)
    harness.happen(queued(thumbnail))
    return harness, thumbnail


def queued(thumbnail: UUID) -> SnapshotQueued:
    scene = SceneSpec(scene="a", bundle="b", digest="d", frames=60, duration=2.0)
    return SnapshotQueued(snapshot_id=thumbnail, cache_key=SHA, spec=RenderSpec(scenes=(scene,), width=64, height=36), frame=0)


def test_its_work_is_given_to_one_node_at_a_time_and_waits_again_when_a_lease_is_lost(waiting: tuple[DomainHarness, UUID]) -> None:
    harness, thumbnail = waiting
    part = assign(harness, thumbnail, NEW.name)
    assert (part.kind, part.epoch, harness.row(THUMBNAILS, thumbnail).state) == (NEW.name, 1, "assigned")
    assert refused(assign(harness, thumbnail, NEW.name)) == "render.not_waiting"
    harness.do(ExpirePart(part_id=part.part_id, reason="silent"))
    row = harness.row(THUMBNAILS, thumbnail)
    assert (row.state, row.attempts, harness.row(PARTS, part.part_id).state) == ("queued", 0, "expired")


def test_it_is_tried_as_often_as_its_kind_says_and_then_ends_with_the_reason(waiting: tuple[DomainHarness, UUID]) -> None:
    harness, thumbnail = waiting
    told = [kinds(fail(harness, assign(harness, thumbnail, NEW.name), "node.store_failed")) for _ in range(TRIES)]
    assert told == [["PartEnded"]] * (TRIES - 1) + [["PartEnded", "SnapshotFailed"]]
    assert (harness.row(THUMBNAILS, thumbnail).state, harness.row(THUMBNAILS, thumbnail).code) == ("failed", "node.store_failed")


def test_what_is_refused_everywhere_ends_it_at_once(waiting: tuple[DomainHarness, UUID]) -> None:
    harness, thumbnail = waiting
    assert kinds(fail(harness, assign(harness, thumbnail, NEW.name), "thumbnail.too_small")) == ["PartEnded", "SnapshotFailed"]


async def test_its_manifest_is_made_of_what_it_reads_itself(waiting: tuple[DomainHarness, UUID]) -> None:
    harness, thumbnail = waiting
    part = harness.row(PARTS, assign(harness, thumbnail, NEW.name).part_id)
    answers: dict[str, list[dict[str, Any]]] = {
        "thumbnails": [{"tenant_id": harness.tenant, "snapshot_id": thumbnail, "object_key": "here"}]
    }

    async def ask(statement: str, *parameters: Any) -> Any:
        return answers.get(statement, [])

    inputs = await dispatch.read_inputs(ask, Known(), [part])
    objects = SimpleNamespace(presign_put=lambda key, seconds, replaces: f"put {key}")
    made = NEW.manifest(inputs, part, objects)  # type: ignore[arg-type]
    assert (made.source_url, made.put_url, made.files) == ("here", "put there", {})


def test_the_scheduler_offers_it_from_its_first_event_to_its_last() -> None:
    picture, tenant, thumbnail = Farm(), uuid4(), uuid4()
    changes = of_queue(NEW, QUEUE)
    changes[SnapshotQueued](picture, queued(thumbnail), tenant, 0.0)
    assert picture.short.take() == (NEW.name, tenant, thumbnail)
    changes[SnapshotQueued](picture, queued(thumbnail), tenant, 0.0)
    changes[SnapshotFailed](picture, SnapshotFailed(snapshot_id=thumbnail, code="c", detail=""), tenant, 0.0)
    assert not picture.short


def ready(kind: str) -> tuple[DomainHarness, UUID]:
    """A farm with a node, and something that waits for a part of this kind."""
    harness, subject = farm(), uuid4()
    match kind:
        case "render":
            subject = submit(harness)
        case "assemble":
            subject = submit(harness)
            drawn(harness, subject)
        case "inspect":
            harness.do(RequestInspection(file_id=subject, name="a", bytes=9, object_key="k"))
        case "snapshot":
            harness.do(question(subject))
    return harness, subject


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_reported_of_another_kind_than_the_lease_is_of_does_not_count(kind: str) -> None:
    harness, subject = ready(kind)
    part = assign(harness, subject, kind)
    facts = {"part_id": part.part_id, "epoch": part.epoch, "object_key": "o", "sha256": SHA, "bytes": 1}
    reports = {
        "render": ReportSegment(**facts, key="k", frames=1, difference=0.0, seconds=0.0),
        "assemble": ReportExport(**facts, frames=60, duration=2.0, packets_sha256="p"),
        "inspect": ReportInspection(part_id=part.part_id, epoch=part.epoch, kind="picture"),
        "snapshot": ReportSnapshot(**facts),
    }
    told = {of: refused(harness.do(report, actor=f"node:{NODE}")) for of, report in reports.items() if of != kind}
    assert set(told.values()) == {"render.not_waiting"} and len(told) == len(KINDS) - 1


def test_every_kind_that_a_part_may_have_is_known_to_the_farm_and_to_nodes() -> None:
    assert set(NAMES) == set(KINDS) == set(RUN)
    assert all(name == kind.name for name, kind in KINDS.items())
    assert {"inspect", "snapshot"} == SHORT


def test_finished_objects_have_names_of_their_own_and_are_all_scrubbed() -> None:
    found = [kind.results.name for kind in KINDS.values() if kind.results is not None]
    assert found == list(scrubber.RESULTS) == ["segment", "export", "snapshot"]


def test_nothing_but_a_kinds_own_module_asks_of_which_kind_something_is() -> None:
    asked = [
        f"{file.relative_to(RENDER)}:{node.lineno}"
        for file in RENDER.rglob("*.py")
        if "kinds" not in file.relative_to(RENDER).parts
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in NAMES and node.value != DOMAIN.name
    ]
    compared = [
        f"{file.relative_to(RENDER)}:{node.lineno}"
        for file in RENDER.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare) and any(getattr(one, "value", None) in NAMES for one in (node.left, *node.comparators))
    ]
    assert asked == compared == []
