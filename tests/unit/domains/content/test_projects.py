from uuid import UUID, uuid4

from consumers.content import DOMAIN
from consumers.content.projects import BUNDLES, ELEMENTS, PRESETS, PROJECTS, SCENES
from contracts.content.projects import CreateProject, FailProject, LearnBundle, PublishProject, RecordScene
from contracts.file_mgr.files import FileReady, FileRejected
from contracts.file_mgr.uploads import UploadAborted, UploadStarted
from contracts.spec import ColourPreset, Element
from tests.support.domain_harness import DomainHarness, formerly, kinds, refused

ELEMENT = Element(key="frl_title", kind="text", default="Hello", width=100, height=20)


def scene(project_id: object, key: str = "intro", position: int = 0) -> RecordScene:
    look = {"title": key, "width": 16, "height": 9, "rate": 30.0, "duration": 2.0, "digest": "d"}
    return RecordScene(project_id=project_id, position=position, key=key, elements=(ELEMENT,), **look)


def announced(file_id: UUID) -> UploadStarted:
    parts = {"object_key": "k", "part_bytes": 1, "part_count": 1}
    return UploadStarted(upload_id=uuid4(), file_id=file_id, name="n", bytes=1, media_type="x/y", **parts)


def ready(file_id: UUID, kind: str = "template") -> FileReady:
    return FileReady(file_id=file_id, kind=kind, sha256="s", bytes=1, width=1, height=1, duration=0.0, scan_key="k")


def importing() -> tuple[DomainHarness, object]:
    harness, file_id = DomainHarness(DOMAIN), uuid4()
    harness.hear(ready(file_id))
    created, _ = harness.do(CreateProject(name="T", file_id=file_id))
    return harness, created.project_id


def test_a_project_waits_for_a_file_that_is_not_judged_yet() -> None:
    harness, file_id = DomainHarness(DOMAIN), uuid4()
    harness.hear(announced(file_id))
    [created] = harness.do(CreateProject(name="T", file_id=file_id))
    assert harness.row(PROJECTS, created.project_id).state == "waiting"
    assert kinds(harness.hear(ready(file_id))) == ["ProjectImporting"]
    assert kinds(harness.hear(ready(file_id))) == [] and harness.row(BUNDLES, file_id).version == 2


def test_a_project_of_a_file_that_nobody_announced_is_refused() -> None:
    refusal = DomainHarness(DOMAIN).do(CreateProject(name="T", file_id=uuid4()))
    assert refused(refusal) == "file.not_found" and refusal.retry_for > 0


def test_a_project_fails_when_the_upload_of_its_file_is_given_up() -> None:
    harness, file_id = DomainHarness(DOMAIN), uuid4()
    harness.hear(announced(file_id))
    [created] = harness.do(CreateProject(name="T", file_id=file_id))
    ended = UploadAborted(upload_id=uuid4(), file_id=file_id, reason="nobody completed it in time")
    harness.hear(ended)
    row = harness.row(PROJECTS, created.project_id)
    assert (row.state, row.code) == ("failed", "file.upload_aborted") and "nobody completed" in row.detail


def test_a_project_whose_file_is_rejected_fails_with_the_files_reason() -> None:
    harness, file_id = DomainHarness(DOMAIN), uuid4()
    harness.hear(announced(file_id))
    [created] = harness.do(CreateProject(name="T", file_id=file_id))
    harness.hear(FileRejected(file_id=file_id, code="bundle.bomb", detail="too large"))
    row = harness.row(PROJECTS, created.project_id)
    assert (row.state, row.code) == ("failed", "bundle.bomb")


def test_a_project_of_a_rejected_file_is_refused_at_once() -> None:
    harness, file_id = DomainHarness(DOMAIN), uuid4()
    harness.hear(FileRejected(file_id=file_id, code="bundle.bomb", detail="too large"))
    assert refused(harness.do(CreateProject(name="T", file_id=file_id))) == "bundle.bomb"


def test_a_picture_is_no_template() -> None:
    harness, file_id = DomainHarness(DOMAIN), uuid4()
    harness.hear(ready(file_id, "picture"))
    assert (harness.row(BUNDLES, file_id).state, harness.row(BUNDLES, file_id).code) == ("rejected", "template.kind")


def test_a_project_is_published_when_all_its_scenes_are_there() -> None:
    harness, project_id = importing()
    harness.do(scene(project_id))
    refusal = harness.do(PublishProject(project_id=project_id, scene_count=2))
    assert refused(refusal) == "content.scenes_missing" and refusal.retry_for > 0
    harness.do(scene(project_id, "outro", 1))
    preset = ColourPreset(key="dark", title="Dark", colours={"primary": "#000000"})
    assert kinds(harness.do(PublishProject(project_id=project_id, scene_count=2, presets=(preset,)))) == ["ProjectPublished"]
    assert harness.row(PROJECTS, project_id).state == "published"
    assert harness.row(PRESETS, project_id, "dark").colours == {"primary": "#000000"}


def test_a_scene_comes_with_its_elements_and_only_once() -> None:
    harness, project_id = importing()
    assert kinds(harness.do(scene(project_id))) == ["SceneRecorded"]
    assert kinds(harness.do(scene(project_id))) == []
    assert harness.row(SCENES, project_id, "intro").duration == 2.0
    assert harness.row(ELEMENTS, project_id, "intro", "frl_title").preset == "Hello"


def test_a_published_project_cannot_fail_any_more() -> None:
    harness, project_id = importing()
    harness.do(PublishProject(project_id=project_id, scene_count=0))
    assert kinds(harness.do(FailProject(project_id=project_id, code="c", detail="d"))) == []
    assert kinds(harness.do(scene(project_id))) == []


def test_a_scan_that_cannot_be_read_fails_the_project() -> None:
    harness, project_id = importing()
    harness.do(FailProject(project_id=project_id, code="template.scan", detail="d"))
    assert harness.row(PROJECTS, project_id).state == "failed"


def test_what_an_earlier_release_had_queued_is_learned_once_and_never_over_what_is_newer() -> None:
    harness, file_id = DomainHarness(DOMAIN), uuid4()
    [awaited], [learn] = (formerly(DOMAIN, "bundles", event) for event in (announced(file_id), ready(file_id)))
    assert kinds(harness.do(learn)) == ["BundleLearned"]
    assert kinds(harness.do(learn)) == kinds(harness.do(awaited)) == []
    other = uuid4()
    harness.hear(ready(other))
    assert harness.do(LearnBundle(file_id=other, state="awaited")) == [] and harness.row(BUNDLES, other).state == "ready"
