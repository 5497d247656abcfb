"""A .lottie begins with the theme that its manifest names, and is played as fast and in the direction that it says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node_worker.engines.lottie.playback import Playback, of_entry, of_machine
from node_worker.engines.lottie.prepare import inline_slots
from node_worker.engines.lottie.themes import apply_theme

Document = dict[str, Any]
BLUE = {"rules": [{"id": "main", "type": "Color", "value": [0, 0, 1]}]}
RED = {"main": {"p": {"a": 0, "k": [1, 0, 0, 1]}}}


def themed(build: Any) -> Document:
    """A picture filled with the slot `main`, which is red."""
    layer = build.rectangle("s", [1, 0, 0, 1])
    layer["shapes"][0]["it"][1]["c"]["sid"] = "main"
    document: Document = build.document(layer, slots=RED)
    return document


def halves(build: Any) -> Document:
    """Red in the first 30 frames, blue in the rest."""
    red, blue = build.rectangle("red", [1, 0, 0, 1]), build.rectangle("blue", [0, 0, 1, 1])
    red["op"], blue["ip"] = 30, 30
    document: Document = build.document(red, blue, markers=[{"cm": "end", "tm": 40, "dr": 10}])
    return document


@pytest.mark.parametrize("entry", [{"initialTheme": "dark"}, {"defaultTheme": "dark"}])
@pytest.mark.parametrize("listed", [[{"id": "dark"}], ["dark"]])
def test_an_animation_begins_with_its_theme(
    build: Any,
    save: Callable[..., Path],
    scene: Callable[..., Any],
    picture_of: Callable[..., Any],
    engine: Any,
    entry: Any,
    listed: Any,
    tmp_path: Path,
) -> None:
    manifest = {"version": "2", "animations": [{"id": "x", **entry}], "themes": listed}
    path = save({"manifest.json": manifest, "a/x.json": themed(build), "t/dark.json": BLUE})
    assert picture_of(scene(path, key="x"))[90, 160, :3].tolist() == [0, 0, 255]
    found = engine.scan(path, tmp_path / "scan")
    assert found.scenes[0].elements[0].default == "#0000FF"
    assert found.warnings == ()
    assert picture_of(scene(path, key="x", colours={"main": "#00FF00"}))[90, 160, :3].tolist() == [0, 255, 0]


def test_what_changes_pictures_changes_the_scenes_digest(build: Any, save: Callable[..., Path], engine: Any, tmp_path: Path) -> None:
    def digest(name: str, theme: Any = BLUE, **entry: Any) -> str:
        manifest = {"version": "2", "animations": [{"id": "x", **entry}], "themes": [{"id": "dark"}]}
        found = engine.scan(save({"manifest.json": manifest, "a/x.json": themed(build), "t/dark.json": theme}, name), tmp_path / "scan")
        return str(found.scenes[0].digest)

    other = {"rules": [{"id": "main", "type": "Color", "value": [0, 1, 0]}]}
    plain = digest("1")
    assert plain == digest("2", other)
    assert len({plain, digest("3", initialTheme="dark"), digest("4", other, initialTheme="dark"), digest("5", speed=2)}) == 4


@pytest.mark.parametrize(
    ("ground", "seen"), [("#0000FF", [0, 0, 255]), ("#0000FF00", [255, 255, 255]), ("blue", [255, 255, 255]), (7, [255, 255, 255])]
)
def test_an_animation_lies_on_the_ground_that_it_was_given(
    build: Any,
    save: Callable[..., Path],
    scene: Callable[..., Any],
    picture_of: Callable[..., Any],
    engine: Any,
    ground: Any,
    seen: Any,
    tmp_path: Path,
) -> None:
    small = build.rectangle("s", [1, 0, 0, 1])
    small["shapes"][0]["it"][0]["s"]["k"] = [20, 20]
    manifest = {"version": "2", "animations": [{"id": "x", "background": ground}]}
    path = save({"manifest.json": manifest, "a/x.json": build.document(small)})
    picture = picture_of(scene(path, key="x"))
    assert (picture[5, 5, :3].tolist(), picture[90, 160, :3].tolist()) == (seen, [255, 0, 0])
    assert (
        engine.scan(path, tmp_path / "scan").scenes[0].elements
        == engine.scan(save(build.document(small), "plain"), tmp_path / "p").scenes[0].elements
    )


def test_rules_of_every_kind_become_slots_still_and_animated(build: Any) -> None:
    document = build.document(build.text("t", "old"))
    document["slots"] = {"title": {"p": document["layers"][0]["t"]["d"]}}
    ease = {"inTangent": {"x": 0.5, "y": 1}, "outTangent": {"x": 0.5, "y": 0}}
    rules = [
        {"id": "c", "type": "Color", "value": "#ff000080"},
        {
            "id": "moving",
            "type": "Color",
            "keyframes": [{"frame": 0, "value": [1, 0, 0], **ease}, {"frame": 9, "value": [0, 0, 1], "hold": True}],
        },
        {"id": "n", "type": "Scalar", "value": 5},
        {"id": "p", "type": "Position", "keyframes": [{"frame": 3, "value": [1, 2], "valueOutTangent": [4, 5], "valueInTangent": [6, 7]}]},
        {"id": "v", "type": "Vector", "value": [3, 4]},
        {"id": "g", "type": "Gradient", "value": [{"offset": 0, "color": [1, 0, 0, 0.5]}, {"offset": 1, "color": [0, 0, 1]}]},
        {"id": "i", "type": "Image", "value": {"path": "new.png", "width": 20, "height": 10}},
        {
            "id": "title",
            "type": "Text",
            "value": {"text": "new", "fontSize": 40, "fillColor": [0, 1, 0], "justify": "Center", "textCaps": "AllCaps"},
        },
        {"id": "x", "type": "Scalar", "value": 1, "expression": "time"},
        {"slotId": "old", "type": "Scalar", "value": 2},
        {"id": "elsewhere", "type": "Scalar", "value": 1, "animations": ["other"]},
        {"id": "here", "type": "Scalar", "value": 1, "animations": ["other", "main"]},
    ]
    apply_theme(document, {"rules": rules}, "main")
    slots = {key: slot["p"] for key, slot in document["slots"].items()}
    assert slots["c"] == {"a": 0, "k": [1, 0, 0]}
    assert slots["moving"]["k"] == [
        {"t": 0, "s": [1, 0, 0], "i": {"x": 0.5, "y": 1}, "o": {"x": 0.5, "y": 0}},
        {"t": 9, "s": [0, 0, 1], "i": {"x": 1, "y": 1}, "o": {"x": 0, "y": 0}, "h": 1},
    ]
    assert (slots["n"]["k"], slots["v"]["k"], slots["old"]["k"], slots["x"]) == (5, [3, 4], 2, {"a": 0, "k": 1, "x": "time"})
    assert slots["p"]["k"][0] | {"to": [4, 5], "ti": [6, 7], "t": 3, "s": [1, 2]} == slots["p"]["k"][0]
    assert slots["g"] == {"p": 2, "k": {"a": 0, "k": [0, 1, 0, 0, 1, 0, 0, 1, 0, 0.5, 1, 1]}}
    assert slots["i"] == {"w": 20, "h": 10, "p": "new.png", "u": "", "e": 0}
    text = slots["title"]["k"][0]["s"]
    assert [text[name] for name in ("t", "s", "fc", "j", "ca", "lh")] == ["new", 40, [0, 1, 0], 2, 1, 36]
    assert "elsewhere" not in slots
    assert "here" in slots


def test_what_a_preset_of_colours_cannot_hold_is_told(build: Any, save: Callable[..., Path], engine: Any, tmp_path: Path) -> None:
    rules = [{"id": "main", "type": "Color", "value": [0, 0, 1]}, {"id": "a", "type": "Text", "value": "x"}, {"id": "b", "type": "Sound"}]
    manifest = {
        "version": "2",
        "animations": [{"id": "x", "initialTheme": "gone"}],
        "themes": [{"id": "dark", "name": "Dark"}, {"id": "lost"}],
    }
    found = engine.scan(save({"manifest.json": manifest, "a/x.json": themed(build), "t/dark.json": {"rules": rules}}), tmp_path / "scan")
    assert [(preset.title, preset.colours) for preset in found.presets] == [("Dark", {"main": "#0000FF"})]
    assert [warning.code for warning in found.warnings] == ["theme.rule", "theme.partial", "theme.missing"]


def test_themes_of_odd_types_are_passed_over(build: Any) -> None:
    odd: list[Any] = [None, True, 3, "x", [], {}, [None], {"k": 1}, [{"offset": "x"}], [[1]], 1e400]
    kinds = ("Color", "Scalar", "Position", "Vector", "Gradient", "Image", "Text", None, [])
    rules = [
        {"id": f"{kind}{n}", "type": kind, field: value}
        for kind in kinds
        for n, value in enumerate(odd)
        for field in ("value", "keyframes")
    ]
    rules += [
        {"id": "m", "type": kind, "keyframes": [{"frame": frame, "value": value} for frame in odd]} for kind in kinds for value in odd
    ]
    for slots in odd:
        document = build.document(slots=slots)
        apply_theme(document, {"rules": [*rules, *odd]}, "main")
        apply_theme(document, {"rules": slots}, "main")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, "RRBB"),
        ({"speed": 2}, "RB"),
        ({"speed": 0.5}, "RRRRBBBB"),
        ({"direction": -1}, "BBRR"),
        ({"playMode": "bounce"}, "RRBBBBRR"),
        ({"playMode": "bounce", "direction": -1, "speed": 2}, "BRRB"),
        ({"speed": 0, "direction": "x", "playMode": None}, "RRBB"),
    ],
)
def test_an_animation_is_played_as_the_manifest_says(
    build: Any,
    save: Callable[..., Path],
    scene: Callable[..., Any],
    picture_of: Callable[..., Any],
    engine: Any,
    entry: Any,
    expected: str,
    tmp_path: Path,
) -> None:
    path = save({"manifest.json": {"version": "1.0", "animations": [{"id": "x", **entry}]}, "animations/x.json": halves(build)})
    assert engine.scan(path, tmp_path / "scan").scenes[0].duration == pytest.approx(len(expected) / 2)
    opened = scene(path, key="x")
    shown = [picture_of(opened, seconds=n / 2 + 0.25)[90, 160, :3].tolist() for n in range(len(expected))]
    assert "".join("R" if pixel == [255, 0, 0] else "B" if pixel == [0, 0, 255] else "?" for pixel in shown) == expected


def test_backwards_begins_with_the_last_picture_and_ends_with_the_first(build: Any) -> None:
    document = build.document(ip=5, op=35)
    back = Playback(mode="reverse").within(document)
    assert [back.frame(n / 30) for n in (0, 1, 29, 99)] == [29, 28, 0, 0]
    part = Playback(segment=(15, 25)).within(document)
    assert [part.frame(n / 30) for n in (0, 9, 99)] == pytest.approx([10, 19, 19.99])
    assert Playback(segment=(90, 99)).within(document).duration == 1
    assert of_entry({"speed": 1e9}).speed == 100


def test_the_first_state_of_a_state_machine_is_what_a_film_shows(
    build: Any, save: Callable[..., Path], engine: Any, tmp_path: Path
) -> None:
    first = {"name": "idle", "type": "PlaybackState", "animation": "x", "speed": 2, "mode": "Reverse", "segment": "end"}
    first["entryActions"] = [{"type": "SetTheme", "value": "dark"}, {"type": "SetNumeric"}, {"type": "SetSlot"}]
    manifest = {"version": "2", "initial": {"stateMachine": "m"}, "themes": [{"id": "dark"}]}
    manifest["animations"] = [{"id": "y"}, {"id": "x"}]
    machine = {"initial": "idle", "states": [{"name": "other"}, first]}
    content = {
        "manifest.json": manifest,
        "a/x.json": {**themed(build), "markers": halves(build)["markers"]},
        "a/y.json": halves(build),
        "s/m.json": machine,
        "t/dark.json": BLUE,
    }
    found = engine.scan(save(content), tmp_path / "scan")
    assert [scene.duration for scene in found.scenes] == pytest.approx([2, 10 / 30 / 2])
    assert [scene.elements[0].default if scene.elements else "" for scene in found.scenes] == ["", "#0000FF"]
    assert [warning.code for warning in found.warnings] == ["bundle.state_machine", "bundle.state_action"]
    told: list[str] = []
    for odd in ({}, {"states": [None, {"name": "idle"}], "initial": "idle"}, {"initial": []}):
        assert of_machine(odd, "m", lambda code, detail: told.append(code)) == ("", Playback(), "")
    assert told == ["bundle.state_machine"] * 3


def test_an_expression_of_a_theme_is_evaluated_at_the_moments_that_are_played(
    build: Any, save: Callable[..., Path], scene: Callable[..., Any], picture_of: Callable[..., Any]
) -> None:
    layer = build.rectangle("s", [1, 0, 0, 1])
    layer["ks"] = {**layer["ks"], "p": {"a": 0, "k": [0, 0], "sid": "place"}}
    rule = {"id": "place", "type": "Position", "value": [0, 0], "expression": "[time < 1 ? 0 : 160, 0]"}
    manifest = {"version": "2", "animations": [{"id": "x", "initialTheme": "t", "direction": -1}], "themes": ["t"]}
    path = save({"manifest.json": manifest, "a/x.json": build.document(layer), "t/t.json": {"rules": [rule]}})
    opened = scene(path, key="x")
    first, last = (picture_of(opened, seconds=second)[90, 80, :3].tolist() for second in (0.2, 1.8))
    assert (first, last) == ([255, 255, 255], [255, 0, 0])


def test_a_slots_picture_keeps_the_name_by_which_layers_know_its_place(build: Any) -> None:
    document = build.document()
    document["assets"] = [{"id": "photo", "w": 4, "h": 4, "u": "", "p": "old.png", "sid": "logo"}]
    document["slots"] = {"logo": {"p": {"id": "image_0", "w": 4, "h": 4, "u": "", "p": "new.png", "e": 0}}}
    inline_slots(document)
    assert (document["assets"][0]["id"], document["assets"][0]["p"]) == ("photo", "new.png")
