"""Project files and options, matched with what a template has."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from cli import filling
from cli.errors import Mistake
from cli.responses import Scene
from contracts.project_file import ProjectFile, ProjectScene, ProjectTrack
from contracts.spec import Element, ElementKind


def _scene(key: str, **elements: ElementKind) -> Scene:
    made = tuple(Element(key=name, kind=kind) for name, kind in elements.items())
    return Scene(key=key, title=key, width=320, height=180, rate=30, duration=2, elements=made)


def _set(target: str, value: str) -> filling.Setting:
    return filling.Setting("--set", target, value)


ONE = [_scene("main", title="text", photo="image", glow="colour")]
TWO = [_scene("intro", title="text"), _scene("out.ro", title="text")]


def test_without_scenes_of_its_own_a_project_gets_all_of_the_template() -> None:
    assert [scene.scene for scene in filling.filled(ProjectFile(), [], TWO).scenes] == ["intro", "out.ro"]


def test_a_template_of_one_scene_needs_no_scene_name() -> None:
    project = filling.filled(ProjectFile(), [_set("title", "سلام"), _set("main.glow", "#112233")], ONE)
    assert project.scenes == (ProjectScene(scene="main", texts={"title": "سلام"}, colours={"glow": "#112233"}),)


def test_names_with_dots_in_them_are_found() -> None:
    assert filling.filled(ProjectFile(), [_set("out.ro.title", "end")], TWO).scenes[1].texts == {"title": "end"}


def test_a_setting_wins_over_the_project_and_leaves_the_rest() -> None:
    project = ProjectFile(scenes=(ProjectScene(scene="main", texts={"title": "old"}, colours={"glow": "#000000"}),))
    scene = filling.filled(project, [_set("title", "new")], ONE).scenes[0]
    assert (scene.texts, scene.colours) == ({"title": "new"}, {"glow": "#000000"})


def test_a_scene_that_is_shown_twice_gets_the_value_twice() -> None:
    project = ProjectFile(scenes=(ProjectScene(scene="intro"), ProjectScene(scene="intro")))
    assert [scene.texts for scene in filling.filled(project, [_set("intro.title", "x")], TWO).scenes] == [{"title": "x"}] * 2


def test_every_unknown_element_is_told_with_the_nearest_name() -> None:
    with pytest.raises(Mistake) as caught:
        filling.filled(ProjectFile(), [_set("intro.titel", "x"), _set("nonsense", "y")], TWO)
    details = [error["detail"] for error in caught.value.errors]
    assert "did you mean 'intro.title'?" in details[0]
    assert "it has intro.title, out.ro.title" in details[1]


def test_a_value_for_a_scene_that_the_project_leaves_out_is_refused() -> None:
    with pytest.raises(Mistake, match="leaves the scene 'intro' out"):
        filling.filled(ProjectFile(scenes=(ProjectScene(scene="out.ro"),)), [_set("intro.title", "x")], TWO)


def test_paths_in_a_project_file_are_relative_to_it(tmp_path: Path) -> None:
    content = {"scenes": [{"scene": "main", "pictures": {"photo": "a.png"}}], "audio": [{"kind": "music", "file": "m.m4a"}]}
    (tmp_path / "project.json").write_text(json.dumps(content))
    project = filling.read_project(tmp_path / "project.json")
    assert project.scenes[0].pictures == {"photo": str(tmp_path / "a.png")}
    assert project.audio[0].file == str(tmp_path / "m.m4a")


@pytest.mark.parametrize(
    ("content", "named"),
    [("{", "JSON|truncated"), ('{"audio": [{"kind": "music", "file": "m", "volume": 3}]}', "volume"), ('{"fps": 3}', "fps")],
)
def test_a_wrong_project_file_is_told_with_its_field(tmp_path: Path, content: str, named: str) -> None:
    (tmp_path / "project.json").write_text(content)
    with pytest.raises(Mistake, match=named):
        filling.read_project(tmp_path / "project.json")


def test_every_missing_file_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    there = tmp_path / "there.m4a"
    there.touch()
    tracks = (ProjectTrack(kind="music", file=str(there)), ProjectTrack(kind="sfx", file=str(tmp_path / "gone.wav")))
    project = ProjectFile(scenes=(ProjectScene(scene="main", pictures={"photo": str(tmp_path / "gone.png")}),), audio=tracks)
    with pytest.raises(Mistake) as caught:
        filling.files(project)
    assert [error["field"] for error in caught.value.errors] == ["scenes[0].pictures.photo", "audio[1].file"]


def test_a_file_that_is_named_often_is_one_file(tmp_path: Path) -> None:
    sound = tmp_path / "whoosh.m4a"
    sound.touch()
    project = ProjectFile(audio=tuple(ProjectTrack(kind="sfx", file=str(sound), start=start) for start in (1.0, 2.0)))
    assert filling.files(project) == {str(sound): sound}
    file_id = uuid4()
    assert [track.file_id for track in filling.request(project, uuid4(), {str(sound): file_id}).audio] == [file_id] * 2


def test_a_typed_backslash_n_is_a_new_line_and_two_backslashes_are_one() -> None:
    project = filling.filled(ProjectFile(), [_set("title", r"one\ntwo\\n")], ONE)
    assert project.scenes[0].texts == {"title": "one\ntwo\\n"}


def test_fit_and_direction_are_chosen_for_what_they_fit() -> None:
    settings = [filling.Setting("--fit", "photo", "crop"), filling.Setting("--direction", "main.title", "rtl")]
    project = filling.filled(ProjectFile(), settings, ONE)
    assert (project.scenes[0].fits, project.scenes[0].directions) == ({"photo": "crop"}, {"title": "rtl"})
    asked = filling.request(project, uuid4(), {})
    assert (asked.scenes[0].fits, asked.scenes[0].directions) == ({"photo": "crop"}, {"title": "rtl"})


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        (filling.Setting("--fit", "title", "crop"), "kind text"),
        (filling.Setting("--direction", "photo", "rtl"), "kind image"),
        (filling.Setting("--fit", "photo", "cover"), "contain, crop, fill"),
    ],
)
def test_a_choice_that_does_not_fit_is_told_with_its_option(setting: filling.Setting, named: str) -> None:
    with pytest.raises(Mistake, match=named) as caught:
        filling.filled(ProjectFile(), [setting], ONE)
    assert caught.value.field == f"{setting.option} {setting.target}"


def test_a_project_file_says_all_that_a_request_says(tmp_path: Path) -> None:
    scene = {"scene": "main", "duration": 1.5, "speed": 2, "fits": {"photo": "fill"}, "directions": {"title": "ltr"}}
    content = {"scenes": [scene], "fonts": ["b.ttf"], "rate": 29.97, "width": 640, "quality": "draft"}
    (tmp_path / "project.json").write_text("\ufeff" + json.dumps(content), encoding="utf-8")
    project = filling.with_fonts(filling.read_project(tmp_path / "project.json"), [tmp_path / "a.ttf", tmp_path / "b.ttf"])
    first, second = str(tmp_path / "a.ttf"), str(tmp_path / "b.ttf")
    assert project.fonts == (first, second)
    ids = {first: uuid4(), second: uuid4()}
    asked = filling.request(project, uuid4(), ids)
    assert (asked.rate, asked.width, asked.height, asked.quality, asked.fonts) == (29.97, 640, None, "draft", (ids[first], ids[second]))
    assert (asked.scenes[0].duration, asked.scenes[0].speed) == (1.5, 2.0)
