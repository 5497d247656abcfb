from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import pytest

from consumers.studio import DOMAIN, renders
from consumers.studio.copies import PENDING
from consumers.studio.renders import REQUESTS
from consumers.studio.saved_projects import SAVED
from contracts.content.projects import ProjectPublished, SceneRecorded
from contracts.file_mgr.files import FileReady
from contracts.render.jobs import JobCancelled, JobFailed
from contracts.spec import ColourPreset, Element, Warning, frames_of
from contracts.studio.copies import LearnFile, LearnTemplate
from contracts.studio.renders import RequestRender
from contracts.studio.saved_projects import ChosenScene, ChosenTrack, SaveProject
from contracts.studio.snapshots import RequestSnapshot
from tests.support.domain_harness import DomainHarness, kinds, refused

PROJECT = uuid4()
ELEMENTS = (
    Element(key="frl_title", kind="text", default="Hello"),
    Element(key="frl_photo", kind="image", default="images/a.png"),
    Element(key="primary", kind="colour", default="#FF0000", shared=True),
)


def learned(**changed: Any) -> DomainHarness:
    harness = DomainHarness(DOMAIN)
    look: dict[str, Any] = {
        "width": 16,
        "height": 9,
        "rate": 30.0,
        "duration": 2.0,
        "digest": "d",
        "elements": ELEMENTS,
        "fonts": (),
        "warnings": (),
        **changed,
    }
    for position, key in enumerate(("intro", "outro")):
        harness.hear(SceneRecorded(project_id=PROJECT, scene_id=uuid4(), key=key, title=key, position=position, **look))
    preset = ColourPreset(key="dark", title="Dark", colours={"primary": "#101010"})
    harness.hear(ProjectPublished(project_id=PROJECT, bundle_sha256="b", scene_count=2, presets=(preset,), warnings=()))
    return harness


def with_file(harness: DomainHarness, kind: str = "picture") -> UUID:
    file_id = uuid4()
    sizes = {"bytes": 1, "width": 1, "height": 1, "duration": 1.0}
    harness.hear(FileReady(file_id=file_id, kind=kind, sha256=f"sha-{kind}", scan_key="", **sizes))
    return file_id


def test_a_render_freezes_all_scenes_of_the_template_in_order() -> None:
    harness = learned()
    [event] = harness.do(RequestRender(project_id=PROJECT))
    assert [scene.scene for scene in event.spec.scenes] == ["intro", "outro"]
    assert event.spec.frames == 120 and harness.answer["frames"] == 120
    assert harness.row(REQUESTS, event.job_id).frames_total == 120


def test_chosen_scenes_keep_their_order_and_speed_changes_their_frames() -> None:
    scenes = (ChosenScene(scene="outro", speed=2.0), ChosenScene(scene="intro", duration=0.5), ChosenScene(scene="outro"))
    [event] = learned().do(RequestRender(project_id=PROJECT, scenes=scenes))
    assert [(scene.scene, scene.frames) for scene in event.spec.scenes] == [("outro", 30), ("intro", 15), ("outro", 60)]


def test_only_values_that_a_scene_uses_are_in_its_spec() -> None:
    scenes = (ChosenScene(scene="intro", texts={"frl_title": "Hi"}), ChosenScene(scene="outro"))
    [event] = learned().do(RequestRender(project_id=PROJECT, scenes=scenes, colours={"primary": "#00ff00"}))
    assert [scene.texts for scene in event.spec.scenes] == [{"frl_title": "Hi"}, {}]
    assert all(scene.colours == {"primary": "#00FF00"} for scene in event.spec.scenes)


def test_a_preset_gives_colours_and_a_persons_own_win() -> None:
    [event] = learned().do(RequestRender(project_id=PROJECT, preset="dark"))
    assert event.spec.scenes[0].colours == {"primary": "#101010"}
    [event] = learned().do(RequestRender(project_id=PROJECT, preset="dark", colours={"primary": "#222222"}))
    assert event.spec.scenes[0].colours == {"primary": "#222222"}


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"scenes": (ChosenScene(scene="intr"),)}, "render.unknown_scene", "scenes[0].scene"),
        ({"scenes": (ChosenScene(scene="intro", texts={"titel": "x"}),)}, "render.unknown_element", "scenes[0].texts.titel"),
        ({"scenes": (ChosenScene(scene="intro", duration=2.5),)}, "render.out_of_bounds", "scenes[0].duration"),
        ({"colours": {"primery": "#000000"}}, "render.unknown_slot", "colours.primery"),
        ({"preset": "drak"}, "render.unknown_preset", "preset"),
        ({"rate": (1, 2)}, "render.rate", "rate"),
        ({"rate": (121, 1)}, "render.rate", "rate"),
        ({"deadline": datetime(1999, 12, 31, tzinfo=UTC)}, "render.out_of_bounds", "deadline"),
        ({"saved_project_id": uuid4()}, "render.source", "project_id"),
    ],
)
def test_what_stands_against_a_render_names_its_field(change: dict[str, Any], code: str, field: str) -> None:
    refusal = learned().do(RequestRender(**{"project_id": PROJECT, **change}))
    assert (refused(refusal), refusal.problem.field) == (code, field)


def test_all_problems_are_told_at_once_and_the_nearest_name_is_offered() -> None:
    refusal = learned().do(RequestRender(project_id=PROJECT, scenes=(ChosenScene(scene="intro", texts={"frl_titel": "x"}, duration=99.0),)))
    assert [error["field"] for error in refusal.problem.errors] == ["scenes[0].texts.frl_titel", "scenes[0].duration"]
    assert "did you mean 'frl_title'" in refusal.problem.detail


def test_an_unknown_colour_does_not_hide_a_wrong_rate() -> None:
    refusal = learned().do(RequestRender(project_id=PROJECT, colours={"nope": "#000000"}, rate=(1, 2)))
    assert [error["field"] for error in refusal.problem.errors] == ["colours.nope", "rate"]


def test_a_file_must_be_there_and_of_the_right_kind() -> None:
    harness = learned()
    sound, picture = with_file(harness, "audio"), with_file(harness)
    scenes = (ChosenScene(scene="intro", pictures={"frl_photo": sound}),)
    assert refused(harness.do(RequestRender(project_id=PROJECT, scenes=scenes))) == "file.kind"
    refusal = harness.do(RequestRender(project_id=PROJECT, audio=(ChosenTrack(kind="music", file_id=uuid4()),)))
    assert refused(refusal) == "file.not_found" and refusal.retry_for > 0
    [event] = harness.do(RequestRender(project_id=PROJECT, scenes=(ChosenScene(scene="intro", pictures={"frl_photo": picture}),)))
    assert event.spec.scenes[0].pictures == {"frl_photo": "sha-picture"}


def test_an_unpublished_template_is_not_found_with_patience() -> None:
    refusal = DomainHarness(DOMAIN).do(RequestRender(project_id=PROJECT))
    assert refused(refusal) == "project.not_found" and refusal.retry_for > 0


def test_a_dry_run_tells_frames_and_what_is_missing_and_changes_nothing() -> None:
    harness = learned()
    assert harness.do(RequestRender(project_id=PROJECT), dry_run=True) == []
    assert harness.answer["frames"] == 120
    assert {missing.field for missing in harness.answer["missing"]} >= {"scenes[0].frl_title", "scenes[0].frl_photo"}


def test_a_render_larger_than_a_message_is_refused_with_what_to_do() -> None:
    scenes = tuple(ChosenScene(scene="intro", texts={"frl_title": "x" * 4000}) for _ in range(20))
    assert refused(learned().do(RequestRender(project_id=PROJECT, scenes=scenes))) == "render.too_large"


def test_metadata_goes_into_the_event() -> None:
    [event] = learned().do(RequestRender(project_id=PROJECT, metadata={"order": 7}))
    assert event.metadata == {"order": 7}


def test_a_saved_project_is_rendered_as_it_is_saved() -> None:
    harness = learned()
    [saved] = harness.do(SaveProject(project_id=PROJECT, name="Mine", scenes=(ChosenScene(scene="outro"),)))
    [event] = harness.do(RequestRender(saved_project_id=saved.saved_project_id))
    assert [scene.scene for scene in event.spec.scenes] == ["outro"] and event.saved_project_id == saved.saved_project_id
    assert refused(harness.do(RequestRender(saved_project_id=saved.saved_project_id, preset="dark"))) == "render.source"


def test_saving_over_a_newer_version_is_refused() -> None:
    harness = learned()
    [saved] = harness.do(SaveProject(project_id=PROJECT))
    again = {"project_id": PROJECT, "saved_project_id": saved.saved_project_id}
    assert kinds(harness.do(SaveProject(**again, expected_version=1, name="B"))) == ["ProjectSaved"]
    assert refused(harness.do(SaveProject(**again, expected_version=1, name="C"))) == "studio.version"
    assert harness.row(SAVED, saved.saved_project_id).name == "B"


def test_volumes_and_the_voiceover_are_kept_in_their_columns() -> None:
    harness = learned()
    music, voice = with_file(harness, "audio"), with_file(harness, "audio")
    tracks = (ChosenTrack(kind="music", file_id=music, volume=0.3), ChosenTrack(kind="voiceover", file_id=voice, volume=0.9, start=1.0))
    [saved] = harness.do(SaveProject(project_id=PROJECT, audio=tracks))
    row = harness.row(SAVED, saved.saved_project_id)
    assert (row.music_volume, row.sfx_volume, row.voiceover_volume, row.voiceover_file_id) == (0.3, 1.0, 0.9, voice)


def test_saving_into_a_project_that_does_not_exist_is_refused() -> None:
    assert refused(learned().do(SaveProject(project_id=PROJECT, saved_project_id=uuid4()))) == "saved_project.not_found"


def test_what_an_earlier_release_had_queued_changes_nothing_that_is_known() -> None:
    harness = learned()
    assert kinds(harness.do(LearnTemplate(project_id=PROJECT, bundle_sha256="x", scene_count=1, presets=()))) == []
    file_id = with_file(harness)
    assert kinds(harness.do(LearnFile(file_id=file_id, kind="audio", sha256="y", duration=0.0))) == []


def test_frames_are_rounded_half_up_and_at_least_one() -> None:
    from fractions import Fraction

    assert [frames_of([one], Fraction(30)) for one in ((0.001, 1.0), (1.55, 1.0), (2.0, 4.0))] == [[1], [47], [15]]
    assert frames_of([(1.0, 1.0)], Fraction(30000, 1001)) == [30]


def test_what_scenes_lack_of_a_frame_does_not_add_up() -> None:
    from fractions import Fraction

    assert sum(frames_of([(0.51, 1.0)] * 100, Fraction(30))) == 1530
    assert sum(frames_of([(1 / 3, 1.0)] * 300, Fraction(30000, 1001))) == 2997
    assert sum(frames_of([(0.51, 2.0)] * 100, Fraction(25))) == 638
    assert frames_of([(0.001, 1.0)] * 3 + [(1.0, 1.0)], Fraction(30)) == [1, 1, 1, 27]
    assert frames_of([(0.51, 1.0)] * 4, Fraction(30)) == [15, 16, 15, 15]


def test_a_tenant_with_as_many_renders_as_may_wait_is_refused_one_more_until_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renders, "MOST_PENDING", 3)
    harness = learned()
    ends = (
        lambda job: JobCancelled(job_id=job, metadata={}),
        lambda job: JobFailed(job_id=job, code="a", detail="b", metadata={}),
    )
    jobs = []
    for _ in range(3):
        [event] = harness.do(RequestRender(project_id=PROJECT))
        harness.hear(event)
        jobs.append(event.job_id)
    for end in ends:
        assert refused(harness.do(RequestRender(project_id=PROJECT))) == "limit.renders"
        assert harness.do(RequestRender(project_id=PROJECT), dry_run=True) == [], "asking costs nothing"
        harness.hear(end(jobs.pop()))
        [event] = harness.do(RequestRender(project_id=PROJECT))
        harness.hear(event)


def test_a_job_that_studio_was_not_asked_for_makes_no_room_when_it_ends() -> None:
    harness = learned()
    harness.hear(JobCancelled(job_id=uuid4(), metadata={}))
    assert harness.row(PENDING).pending == 0


def test_a_film_is_as_its_template_is_unless_it_is_told() -> None:
    harness = learned(width=1080, height=1920, rate=59.94)
    [event] = harness.do(RequestRender(project_id=PROJECT))
    assert (event.spec.width, event.spec.height, event.spec.rate) == (1080, 1920, Fraction(60000, 1001))
    assert (event.spec.quality, event.spec.background) == ("standard", "#FFFFFF")
    assert harness.do(RequestRender(project_id=PROJECT), dry_run=True) == []
    answer = harness.answer
    assert (answer["width"], answer["height"], answer["rate_num"], answer["rate_den"]) == (1080, 1920, 60000, 1001)
    [event] = harness.do(RequestRender(project_id=PROJECT, width=540, rate=25.0))
    assert (event.spec.width, event.spec.height, event.spec.rate) == (540, 960, 25)


def test_a_saved_project_says_how_it_looks_and_who_renders_it_may_say_otherwise() -> None:
    harness = learned(width=1080, height=1920)
    font = with_file(harness, "font")
    look = {"fonts": (font,), "width": 640, "height": 360, "rate": 29.97, "quality": "high", "background": "#00ff00"}
    [saved] = harness.do(SaveProject(project_id=PROJECT, **look))
    assert saved.rate == (30000, 1001)
    [event] = harness.do(RequestRender(saved_project_id=saved.saved_project_id))
    spec = event.spec
    assert (spec.width, spec.height, spec.rate, spec.quality) == (640, 360, Fraction(30000, 1001), "high")
    assert (spec.background, spec.fonts) == ("#00FF00", ("sha-font",))
    [event] = harness.do(RequestRender(saved_project_id=saved.saved_project_id, width=1280, quality="draft", rate=(25, 1)))
    spec = event.spec
    assert (spec.width, spec.height, spec.rate, spec.quality) == (1280, 2276, 25, "draft"), "a size is taken as a whole"


def test_fit_and_direction_are_frozen_and_refused_for_what_they_do_not_fit() -> None:
    harness = learned()
    scene = ChosenScene(scene="intro", fits={"frl_photo": "crop"}, directions={"frl_title": "rtl"})
    [saved] = harness.do(SaveProject(project_id=PROJECT, scenes=(scene,)))
    [event] = harness.do(RequestRender(saved_project_id=saved.saved_project_id))
    [frozen] = event.spec.scenes
    assert (frozen.fits, frozen.directions) == ({"frl_photo": "crop"}, {"frl_title": "rtl"})
    wrong = ChosenScene(scene="intro", fits={"frl_title": "crop"}, directions={"frl_photo": "rtl"})
    refusal = harness.do(RequestRender(project_id=PROJECT, scenes=(wrong,)))
    assert [error["field"] for error in refusal.problem.errors] == ["scenes[0].fits.frl_title", "scenes[0].directions.frl_photo"]


def test_a_picture_of_a_scene_depends_on_fit_and_direction() -> None:
    harness = learned()
    fits = [ChosenScene(scene="intro"), ChosenScene(scene="intro", fits={"frl_photo": "crop"})]
    ids = {harness.do(RequestSnapshot(project_id=PROJECT, scenes=(scene,)))[0].snapshot_id for scene in fits}
    assert len(ids) == 2


def test_what_a_person_replaces_is_not_warned_of_any_more() -> None:
    warnings = tuple(
        Warning(code=code, detail="", element=element)
        for code, element in (
            *(("text.shrunk", "frl_title"), ("font.no_glyph", "frl_title"), ("picture.missing", "frl_photo"), ("font.missing", "")),
            ("mask.mode", "frl_title"),
        )
    )
    harness = learned(warnings=warnings)
    [event] = harness.do(RequestRender(project_id=PROJECT, scenes=(ChosenScene(scene="intro"),)))
    assert [one.code for one in event.warnings] == [one.code for one in warnings] and {one.scene for one in event.warnings} == {"intro"}
    filled = ChosenScene(scene="intro", texts={"frl_title": "x"}, pictures={"frl_photo": with_file(harness)})
    [event] = harness.do(RequestRender(project_id=PROJECT, scenes=(filled,), fonts=(with_file(harness, "font"),)))
    assert [one.code for one in event.warnings] == ["mask.mode"]
    [event] = harness.do(RequestRender(project_id=PROJECT, scenes=(filled, ChosenScene(scene="outro"))))
    assert ("text.shrunk", "outro") in {(one.code, one.scene) for one in event.warnings}
