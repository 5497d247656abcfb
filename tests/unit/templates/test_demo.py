"""The demo template: what it offers, that it is the same every time, and that its project fits it."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
from PIL import Image

from contracts.project_file import ProjectFile
from templates.build import DemoFiles, build_demo
from templates.demo.palette import COLOURS, PRESETS


def _member(demo: DemoFiles, name: str) -> Any:
    with zipfile.ZipFile(demo.template) as archive:
        return json.loads(archive.read(name))


def _scenes(demo: DemoFiles) -> dict[str, Any]:
    return {entry["id"]: _member(demo, f"a/{entry['id']}.json") for entry in _member(demo, "manifest.json")["animations"]}


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _walk(child)


def test_the_same_code_makes_the_same_files_byte_for_byte(demo: DemoFiles, tmp_path: Path) -> None:
    again = build_demo(tmp_path)
    for first, second in zip(msgspec.structs.astuple(demo), msgspec.structs.astuple(again), strict=True):
        assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(second.read_bytes()).digest(), first.name


def test_the_demo_is_a_bundle_of_version_2_with_four_scenes_of_twelve_seconds(demo: DemoFiles) -> None:
    manifest, scenes = _member(demo, "manifest.json"), _scenes(demo)
    assert manifest["version"] == "2"
    assert list(scenes) == ["intro", "picture", "features", "outro"]
    assert sum((scene["op"] - scene["ip"]) / scene["fr"] for scene in scenes.values()) == 12
    assert {(scene["w"], scene["h"], scene["fr"]) for scene in scenes.values()} == {(1920, 1080, 30)}


def test_every_slot_that_a_scene_uses_is_declared_with_the_same_value_in_all_scenes(demo: DemoFiles) -> None:
    scenes = _scenes(demo)
    for scene in scenes.values():
        used = {node["sid"] for node in _walk(scene) if "sid" in node}
        assert used == set(scene["slots"]) == set(COLOURS)
        assert scene["slots"] == scenes["intro"]["slots"]


def test_every_preset_is_a_theme_that_gives_each_slot_a_colour(demo: DemoFiles) -> None:
    assert [theme["id"] for theme in _member(demo, "manifest.json")["themes"]] == list(PRESETS)
    for key in PRESETS:
        rules = {rule["id"]: rule for rule in _member(demo, f"t/{key}.json")["rules"]}
        assert set(rules) == set(COLOURS)
        assert all(rule["type"] == "Color" and len(rule["value"]) == 3 and max(rule["value"]) <= 1 for rule in rules.values())


def test_every_text_has_a_box_inside_the_frame_and_a_font_of_the_list(demo: DemoFiles) -> None:
    for scene in _scenes(demo).values():
        fonts = {font["fName"] for font in scene["fonts"]["list"]}
        texts = [node for node in _walk(scene) if node.get("ty") == 5]
        assert len(texts) >= 3
        for layer in texts:
            words, place = layer["t"]["d"]["k"][0]["s"], layer["ks"]["p"]
            x, y = place["k"] if not place["a"] else place["k"][-1]["s"]
            assert words["f"] in fonts
            assert x + words["ps"][0] >= 0 and x + words["ps"][0] + words["sz"][0] <= scene["w"], layer["nm"]
            assert y + words["ps"][1] >= 0 and y + words["ps"][1] + words["sz"][1] <= scene["h"], layer["nm"]


def test_every_picture_that_a_scene_names_is_in_the_bundle_with_the_size_it_says(demo: DemoFiles) -> None:
    assets = [asset for scene in _scenes(demo).values() for asset in scene["assets"] if "p" in asset]
    assert assets
    with zipfile.ZipFile(demo.template) as archive:
        for asset in assets:
            with Image.open(BytesIO(archive.read(asset["u"].strip("/") + "/" + asset["p"]))) as picture:
                assert picture.size == (asset["w"], asset["h"])


def test_the_project_names_only_scenes_layers_and_files_that_exist(demo: DemoFiles, project: ProjectFile) -> None:
    scenes = _scenes(demo)
    assert [item.scene for item in project.scenes] == list(scenes)
    for item in project.scenes:
        names = {node.get("nm") for node in _walk(scenes[item.scene]) if "ty" in node}
        assert {*item.texts, *item.pictures, *item.colours} <= names
        assert all((demo.project.parent / file).is_file() for file in item.pictures.values())
    assert set(project.colours) <= set(COLOURS)
    assert all((demo.project.parent / track.file).is_file() for track in project.audio)


def test_the_project_fills_every_editable_text_with_words_that_are_not_the_defaults(demo: DemoFiles, project: ProjectFile) -> None:
    scenes = _scenes(demo)
    for item in project.scenes:
        defaults = {node["nm"]: node["t"]["d"]["k"][0]["s"]["t"] for node in _walk(scenes[item.scene]) if node.get("ty") == 5}
        assert set(defaults) == set(item.texts)
        assert all(item.texts[key] != default for key, default in defaults.items())


def test_the_sounds_can_be_decoded_and_the_music_is_as_long_as_the_video(demo: DemoFiles) -> None:
    seconds = {}
    for path in (demo.music, demo.sfx, demo.voiceover, demo.voiceover_fa):
        with av.open(str(path)) as file:
            frames = list(file.decode(audio=0))
        seconds[path] = sum(frame.samples / frame.sample_rate for frame in frames)
        peak = max(float(np.abs(frame.to_ndarray()).max()) for frame in frames)
        assert 0.2 < peak <= 1.2, path.name
    assert seconds[demo.music] >= 12
    assert all(1 < seconds[path] < 5 for path in (demo.sfx, demo.voiceover, demo.voiceover_fa))


def test_a_second_build_in_the_same_folder_keeps_the_pictures_and_sounds(demo: DemoFiles, tmp_path: Path) -> None:
    shutil.copytree(demo.music.parent, tmp_path, dirs_exist_ok=True)
    before = demo.music.stat().st_mtime_ns
    assert build_demo(tmp_path).music.stat().st_mtime_ns == before
