from uuid import UUID, uuid4

from consumers.content import DOMAIN
from consumers.content.projects import BUNDLES, ELEMENTS, PRESETS, PROJECTS, SCENES
from contracts.content.projects import CreateProject, FailProject, LearnBundle, PublishProject, RecordScene
from contracts.file_mgr import FileReady, FileRejected, UploadAborted, UploadStarted
from contracts.spec import ColourPreset, Element
from tests.unit.domains.world import World, formerly, kinds, refused

ELEMENT = Element(key="frl_title", kind="text", default="Hello", width=100, height=20)


def scene(project_id: object, key: str = "intro", position: int = 0) -> RecordScene:
    look = {"title": key, "width": 16, "height": 9, "rate": 30.0, "duration": 2.0, "digest": "d"}
    return RecordScene(project_id=project_id, position=position, key=key, elements=(ELEMENT,), **look)


def announced(file_id: UUID) -> UploadStarted:
    parts = {"object_key": "k", "part_bytes": 1, "part_count": 1}
    return UploadStarted(upload_id=uuid4(), file_id=file_id, name="n", bytes=1, media_type="x/y", **parts)


def ready(file_id: UUID, kind: str = "template") -> FileReady:
    return FileReady(file_id=file_id, kind=kind, sha256="s", bytes=1, width=1, height=1, duration=0.0, scan_key="k")


def importing() -> tuple[World, object]:
    world, file_id = World(DOMAIN), uuid4()
    world.hear(ready(file_id))
    created, _ = world.do(CreateProject(name="T", file_id=file_id))
    return world, created.project_id


def test_a_project_waits_for_a_file_that_is_not_judged_yet() -> None:
    world, file_id = World(DOMAIN), uuid4()
    world.hear(announced(file_id))
    [created] = world.do(CreateProject(name="T", file_id=file_id))
    assert world.row(PROJECTS, created.project_id).state == "waiting"
    assert kinds(world.hear(ready(file_id))) == ["ProjectImporting"]
    assert kinds(world.hear(ready(file_id))) == [] and world.row(BUNDLES, file_id).version == 2


def test_a_project_of_a_file_that_nobody_announced_is_refused() -> None:
    refusal = World(DOMAIN).do(CreateProject(name="T", file_id=uuid4()))
    assert refused(refusal) == "file.not_found" and refusal.patience > 0


def test_a_project_fails_when_the_upload_of_its_file_is_given_up() -> None:
    world, file_id = World(DOMAIN), uuid4()
    world.hear(announced(file_id))
    [created] = world.do(CreateProject(name="T", file_id=file_id))
    ended = UploadAborted(upload_id=uuid4(), file_id=file_id, reason="nobody completed it in time")
    world.hear(ended)
    row = world.row(PROJECTS, created.project_id)
    assert (row.state, row.code) == ("failed", "file.upload_aborted") and "nobody completed" in row.detail


def test_a_project_whose_file_is_rejected_fails_with_the_files_reason() -> None:
    world, file_id = World(DOMAIN), uuid4()
    world.hear(announced(file_id))
    [created] = world.do(CreateProject(name="T", file_id=file_id))
    world.hear(FileRejected(file_id=file_id, code="bundle.bomb", detail="too large"))
    row = world.row(PROJECTS, created.project_id)
    assert (row.state, row.code) == ("failed", "bundle.bomb")


def test_a_project_of_a_rejected_file_is_refused_at_once() -> None:
    world, file_id = World(DOMAIN), uuid4()
    world.hear(FileRejected(file_id=file_id, code="bundle.bomb", detail="too large"))
    assert refused(world.do(CreateProject(name="T", file_id=file_id))) == "bundle.bomb"


def test_a_picture_is_no_template() -> None:
    world, file_id = World(DOMAIN), uuid4()
    world.hear(ready(file_id, "picture"))
    assert (world.row(BUNDLES, file_id).state, world.row(BUNDLES, file_id).code) == ("rejected", "template.kind")


def test_a_project_is_published_when_all_its_scenes_are_there() -> None:
    world, project_id = importing()
    world.do(scene(project_id))
    refusal = world.do(PublishProject(project_id=project_id, scene_count=2))
    assert refused(refusal) == "content.scenes_missing" and refusal.patience > 0
    world.do(scene(project_id, "outro", 1))
    preset = ColourPreset(key="dark", title="Dark", colours={"primary": "#000000"})
    assert kinds(world.do(PublishProject(project_id=project_id, scene_count=2, presets=(preset,)))) == ["ProjectPublished"]
    assert world.row(PROJECTS, project_id).state == "published"
    assert world.row(PRESETS, project_id, "dark").colours == {"primary": "#000000"}


def test_a_scene_comes_with_its_elements_and_only_once() -> None:
    world, project_id = importing()
    assert kinds(world.do(scene(project_id))) == ["SceneRecorded"]
    assert kinds(world.do(scene(project_id))) == []
    assert world.row(SCENES, project_id, "intro").duration == 2.0
    assert world.row(ELEMENTS, project_id, "intro", "frl_title").preset == "Hello"


def test_a_published_project_cannot_fail_any_more() -> None:
    world, project_id = importing()
    world.do(PublishProject(project_id=project_id, scene_count=0))
    assert kinds(world.do(FailProject(project_id=project_id, code="c", detail="d"))) == []
    assert kinds(world.do(scene(project_id))) == []


def test_a_scan_that_cannot_be_read_fails_the_project() -> None:
    world, project_id = importing()
    world.do(FailProject(project_id=project_id, code="template.scan", detail="d"))
    assert world.row(PROJECTS, project_id).state == "failed"


def test_what_an_earlier_release_had_queued_is_learned_once_and_never_over_what_is_newer() -> None:
    world, file_id = World(DOMAIN), uuid4()
    [awaited], [learn] = (formerly(DOMAIN, "bundles", event) for event in (announced(file_id), ready(file_id)))
    assert kinds(world.do(learn)) == ["BundleLearned"]
    assert kinds(world.do(learn)) == kinds(world.do(awaited)) == []
    other = uuid4()
    world.hear(ready(other))
    assert world.do(LearnBundle(file_id=other, state="awaited")) == [] and world.row(BUNDLES, other).state == "ready"
