"""Scanning and drawing: elements, values, colours, pictures, and the same pixels every time."""

import base64
import io
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from contracts.spec import Element
from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie import LottieEngine

Start = Callable[..., Any]
Save = Callable[..., Path]


def png(colour: tuple[int, ...], size: tuple[int, int] = (40, 20), mode: str = "RGB", kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, kind, **options)
    return file.getvalue()


def middle(pixels: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in pixels[90, 160])


def test_named_texts_pictures_and_slots_are_elements_without_conventions(
    engine: LottieEngine, build: Any, save: Save, tmp_path: Path
) -> None:
    uri = "data:image/png;base64," + base64.b64encode(png((1, 2, 3))).decode()
    box = build.rectangle("Back", [0, 0, 1, 1])
    box["shapes"][0]["it"][1]["c"] = {"sid": "main colour"}
    document = build.document(
        build.text("Head line", "A\rB", sz=[200, 80], ps=[0, 0]),
        build.text("Head line", "C"),
        build.text("", "unnamed"),
        build.image("Logo", "i"),
        box,
        assets=[{"id": "i", "w": 40, "h": 20, "u": "", "p": uri, "e": 1}],
        slots={"main colour": {"p": {"a": 0, "k": [1, 0, 0, 1]}}},
    )
    found = engine.scan(save(document), tmp_path / "w").scenes[0]
    unmeasured = {"room": 0.0, "lines": 0, "breadth": 1.0}  # what is measured of a text's place, see test_lottie_room
    assert tuple(msgspec.structs.replace(element, **unmeasured) for element in found.elements) == (
        Element(key="main colour", kind="colour", title="main colour", default="#FF0000", shared=True),
        Element(key="Head_line", kind="text", title="Head line", default="A\nB", width=200, height=80),
        Element(key="Head_line-2", kind="text", title="Head line", default="C"),
        Element(key="Logo", kind="image", title="Logo", width=40, height=20),
    )
    assert (found.width, found.height, found.rate, found.duration) == (320, 180, 30, 2)


def test_with_conventions_only_marked_layers_are_elements(engine: LottieEngine, build: Any, save: Save, tmp_path: Path) -> None:
    shared = {"id": "c", "nm": "frshare", "layers": [build.text("company", "ACME")]}
    layers = [
        build.text("frl_title", "T"),
        build.text("plain", "x"),
        build.rectangle("frd_back_colour", [0, 1, 0, 1]),
        build.layer(0, "s", refId="c"),
    ]
    found = engine.scan(save(build.document(*layers, assets=[shared])), tmp_path / "w").scenes[0].elements
    assert [(e.key, e.kind, e.title, e.default, e.shared) for e in found] == [
        ("frl_title", "text", "title", "T", False),
        ("frd_back_colour", "colour", "back colour", "#00FF00", False),
        ("company", "text", "company", "ACME", True),
    ]


def test_the_digest_changes_with_the_document_and_with_its_pictures(engine: LottieEngine, build: Any, save: Save, tmp_path: Path) -> None:
    def digests(picture: bytes, name: str) -> list[str]:
        document = build.document(build.image("Logo", "i"), assets=[{"id": "i", "w": 40, "h": 20, "u": "images/", "p": "a.png"}])
        scanned = engine.scan(save({"one.json": document, "two.json": build.document(), "images/a.png": picture}, name), tmp_path / "w")
        return [scene.digest for scene in scanned.scenes]

    first, again, other = digests(png((1, 1, 1)), "1"), digests(png((1, 1, 1)), "2"), digests(png((2, 2, 2)), "3")
    assert first == again
    assert (first[0] != other[0], first[1] == other[1]) == (True, True)


def test_themes_become_presets_of_the_slots_colours(engine: LottieEngine, build: Any, save: Save, tmp_path: Path) -> None:
    theme = {"rules": [{"id": "main", "type": "Color", "value": [0, 0.5, 1]}, {"id": "w", "type": "Scalar", "value": 3}]}
    manifest = {"version": "2", "animations": [{"id": "x"}], "themes": [{"id": "dark", "name": "Dark"}]}
    scanned = engine.scan(save({"manifest.json": manifest, "a/x.json": build.document(), "t/dark.json": theme}), tmp_path / "w")
    assert [(p.key, p.title, p.colours) for p in scanned.presets] == [("dark", "Dark", {"main": "#0080FF"})]


def test_what_the_engine_does_not_draw_faithfully_is_a_warning(engine: LottieEngine, build: Any, save: Save, tmp_path: Path) -> None:
    layer = build.rectangle("Box", [0, 0, 1, 1], ddd=1, ef=[{"ty": 25, "nm": "shadow"}, {"ty": 99, "nm": "odd"}], sy=[{"ty": 1}, {"ty": 3}])
    layer["ks"] = {**layer["ks"], "r": {"a": 0, "k": 0, "x": "var $bm_rt; $bm_rt = wiggle(1, 5);"}}
    layer["masksProperties"] = [{"mode": "d", "pt": {"a": 0, "k": {"i": [], "o": [], "v": [], "c": True}}, "f": {"a": 0, "k": [4, 4]}}]
    warnings = engine.scan(save(build.document(layer, build.text("T", "x"))), tmp_path / "w").scenes[0].warnings
    told = {warning.code for warning in warnings}
    assert told == {"layer.three_d", "layer.effect", "layer.style", "expression.random", "font.missing"}
    assert all(warning.detail for warning in warnings)


def test_a_picture_that_is_missing_is_refused_unless_it_can_be_given(engine: LottieEngine, build: Any, save: Save, tmp_path: Path) -> None:
    assets = [{"id": "i", "w": 40, "h": 20, "u": "images/", "p": "gone.png"}]
    scanned = engine.scan(save(build.document(build.image("Logo", "i"), assets=assets)), tmp_path / "w")
    assert [(w.code, w.element) for w in scanned.scenes[0].warnings] == [("picture.missing", "Logo")]
    with pytest.raises(TemplateRefused) as caught:
        engine.scan(save(build.document(build.image("", "i"), assets=assets), "2"), tmp_path / "w")
    assert caught.value.code == "picture.missing"


def test_a_picture_outside_the_bundle_is_never_read(build: Any, save: Save, engine: LottieEngine, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png((9, 9, 9)))
    for folder, name in (("../../", "secret.png"), (str(tmp_path) + "/", "secret.png"), ("", "../../secret.png")):
        document = build.document(build.image("Logo", "i"), assets=[{"id": "i", "w": 40, "h": 20, "u": folder, "p": name}])
        warnings = engine.scan(save({"one.json": document}, "z"), tmp_path / "w").scenes[0].warnings
        assert [w.code for w in warnings] == ["picture.missing"]


@pytest.mark.parametrize("name", ["flatrender:i", "i"])
@pytest.mark.parametrize("ending", [".png", ".mp3"])
def test_no_path_outside_the_bundle_reaches_the_engine(
    build: Any, save: Save, scene: Start, picture_of: Start, tmp_path: Path, name: str, ending: str
) -> None:
    secret = tmp_path / f"secret{ending}"
    secret.write_bytes(png((9, 9, 9), (320, 180)))
    slot = {"p": {"w": 320, "h": 180, "u": "", "p": str(secret), "e": 0}}
    box = build.rectangle("Box", [1, 1, 1, 1])
    box["shapes"][0]["it"][1]["c"] = {"sid": "s", "a": 0, "k": [1, 1, 1, 1]}
    for asset in ({"id": name, **slot["p"]}, {"id": name, "w": 320, "h": 180, "sid": "s"}):
        document = build.document(build.image("Logo", name), box, assets=[asset], slots={"s": slot})
        assert middle(picture_of(scene(save(document)))) == (255, 255, 255, 255)


def test_a_scene_is_fitted_and_centred_over_an_opaque_background(build: Any, save: Save, scene: Start, picture_of: Start) -> None:
    opened = scene(save(build.document(build.rectangle("Back", [1, 0, 0, 1]))), size=(400, 180), background="#0000FF")
    pixels = picture_of(opened, size=(400, 180))
    assert (pixels[..., 3] == 255).all()
    assert tuple(pixels[90, 20]) == (0, 0, 255, 255)
    assert tuple(pixels[90, 380]) == (0, 0, 255, 255)
    assert tuple(pixels[90, 200]) == (255, 0, 0, 255)


def test_a_half_transparent_layer_is_mixed_with_the_background(build: Any, save: Save, scene: Start, picture_of: Start) -> None:
    layer = build.rectangle("Back", [1, 0, 0, 1])
    layer["ks"] = {**layer["ks"], "o": {"a": 0, "k": 50}}
    red, green, blue, alpha = middle(picture_of(scene(save(build.document(layer)), background="#00FF00")))
    assert abs(red - 127) <= 2
    assert abs(green - 128) <= 2
    assert (blue, alpha) == (0, 255)


def test_colours_reach_slots_controls_and_what_refers_to_them(build: Any, save: Save, scene: Start, picture_of: Start) -> None:
    slotted = build.rectangle("Back", [0, 0, 0, 1])
    slotted["shapes"][0]["it"][1]["c"] = {"sid": "main"}
    path = save(build.document(slotted, slots={"main": {"p": {"a": 0, "k": [1, 0, 0, 1]}}}))
    assert middle(picture_of(scene(path))) == (255, 0, 0, 255)
    assert middle(picture_of(scene(path, colours={"main": "#0a64C8"}))) == (10, 100, 200, 255)

    control = build.layer(3, "frd_main", ef=[{"ty": 5, "nm": "Colour", "ef": [{"ty": 2, "nm": "Color", "v": {"a": 0, "k": [1, 0, 0, 1]}}]}])
    follower = build.rectangle("Back", [1, 0, 0, 1])
    follower["shapes"][0]["it"][1]["c"]["x"] = "var $bm_rt = comp('frshare').layer('frd_main').effect('Colour')('Color');"
    path = save(build.document(control, follower), "2")
    assert middle(picture_of(scene(path, colours={"frd_main": "#0A64C8"}))) == (10, 100, 200, 255)


def test_a_given_picture_fills_its_place_in_any_mode(build: Any, save: Save, scene: Start, picture_of: Start, tmp_path: Path) -> None:
    uri = "data:image/png;base64," + base64.b64encode(png((200, 0, 0), (320, 180))).decode()
    layers = [build.image("Photo", "i"), build.image("Other", "i")]
    path = save(build.document(*layers, assets=[{"id": "i", "w": 320, "h": 180, "u": "", "p": uri}]))
    assert middle(picture_of(scene(path))) == (200, 0, 0, 255)
    kinds = [
        png((0, 200, 0), (500, 900)),
        png((255, 0, 255, 0), (50, 50), "CMYK", "JPEG"),
        png((0, 200, 0), mode="RGB", kind="WEBP", lossless=True),
    ]
    for index, data in enumerate(kinds):
        file = tmp_path / f"given{index}"
        file.write_bytes(data)
        red, green, blue, _ = middle(picture_of(scene(path, pictures={"Photo": file})))
        assert green > 150, f"picture {index} is not drawn"
        assert max(red, blue) < 60


def test_a_picture_taken_sideways_is_turned_upright(build: Any, save: Save, scene: Start, picture_of: Start, tmp_path: Path) -> None:
    photo = Image.new("RGB", (180, 320), (255, 0, 0))
    photo.paste((0, 0, 255), (0, 0, 180, 160))
    exif = Image.Exif()
    exif[274] = 6
    photo.save(tmp_path / "photo", "JPEG", exif=exif, quality=95)
    path = save(build.document(build.image("Photo", "i"), assets=[{"id": "i", "w": 320, "h": 180, "u": "", "p": "x.png"}]))
    pixels = picture_of(scene(path, pictures={"Photo": tmp_path / "photo"}))
    assert pixels[90, 300, 2] > 200
    assert pixels[90, 20, 0] > 200


@pytest.mark.parametrize(
    ("data", "code"), [(b"no picture", "picture.unreadable"), (png((1, 2, 3), (400, 400))[:300], "picture.unreadable")]
)
def test_a_given_file_that_is_no_picture_is_refused(build: Any, save: Save, scene: Start, tmp_path: Path, data: bytes, code: str) -> None:
    (tmp_path / "given").write_bytes(data)
    path = save(build.document(build.image("Photo", "i"), assets=[{"id": "i", "w": 32, "h": 18, "u": "", "p": "x.png"}]))
    with pytest.raises(TemplateRefused) as caught:
        scene(path, pictures={"Photo": tmp_path / "given"})
    assert (caught.value.code, caught.value.field) == (code, "Photo")


def test_a_picture_of_too_many_pixels_is_refused_by_its_header(build: Any, save: Save, engine: LottieEngine, tmp_path: Path) -> None:
    header = bytearray(png((1, 2, 3)))
    for size in ((20_000, 100), (16_000, 16_000), (2_000_000_000, 2_000_000_000)):
        header[16:24] = size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big")
        header[29:33] = zlib.crc32(header[12:29]).to_bytes(4, "big")
        uri = "data:image/png;base64," + base64.b64encode(bytes(header)).decode()
        with pytest.raises(TemplateRefused) as caught:
            engine.scan(save(build.document(build.image("P", "i"), assets=[{"id": "i", "w": 9, "h": 9, "p": uri}])), tmp_path / "w")
        assert caught.value.code == "picture.too_large"


def test_an_unknown_element_is_refused_with_the_known_ones(build: Any, save: Save, scene: Start) -> None:
    path = save(build.document(build.text("Title", "x")))
    with pytest.raises(TemplateRefused) as caught:
        scene(path, texts={"Tilte": "y"})
    assert (caught.value.code, caught.value.field) == ("value.unknown_element", "Tilte")
    assert "Title" in caught.value.detail
    with pytest.raises(TemplateRefused) as caught:
        scene(path, key="other")
    assert caught.value.code == "scene.unknown"


def test_a_slots_text_changes_every_place_that_uses_it(build: Any, save: Save, scene: Start, picture_of: Start) -> None:
    def document(text: str, y: int) -> Any:
        layer = build.text("T", text)
        value = layer["t"]["d"]
        layer["t"]["d"] = {"sid": "headline"}
        layer["ks"]["p"] = {"a": 0, "k": [20, y, 0]}
        second = json.loads(json.dumps(layer))
        second["ks"]["p"]["k"][1] += 70
        return build.document(layer, second, slots={"headline": {"p": value}})

    given = picture_of(scene(save(document("old", 60), "1"), texts={"headline": "new"}))
    assert np.array_equal(given, picture_of(scene(save(document("new", 60), "2"))))
    assert (given[:90] < 100).any()
    assert (given[95:] < 100).any()


def test_old_documents_keep_their_colours(build: Any, save: Save, scene: Start, picture_of: Start) -> None:
    old = build.document(build.rectangle("Back", [255, 127.5, 0, 255]), v="4.1.8")
    assert middle(picture_of(scene(save(old)))) == (255, 128, 0, 255) or middle(picture_of(scene(save(old)))) == (255, 127, 0, 255)


def test_times_outside_the_scene_show_its_first_and_last_frame(build: Any, save: Save, scene: Start, picture_of: Start) -> None:
    first, second = build.rectangle("A", [1, 0, 0, 1], op=30), build.rectangle("B", [0, 0, 1, 1], ip=30)
    opened = scene(save(build.document(first, second)))
    shown = [middle(picture_of(opened, seconds))[:3] for seconds in (-1, 29 / 30, 1.0, 2.0, 99.0)]
    assert shown == [(255, 0, 0), (255, 0, 0), (0, 0, 255), (0, 0, 255), (0, 0, 255)]


def test_a_buffer_of_another_shape_is_refused(build: Any, save: Save, scene: Start) -> None:
    opened = scene(save(build.document()))
    for wrong in (np.zeros((180, 320, 3), np.uint8), np.zeros((180, 640, 4), np.uint8)[:, ::2], np.zeros((180, 320, 4), np.float32)):
        with pytest.raises(ValueError, match="buffer"):
            opened.draw(0, wrong)


DRAW = """
import hashlib, sys
import msgspec
import numpy as np
from contracts.spec import SceneSpec
from node_worker.engines.base import Files
from node_worker.engines.lottie import LottieEngine
path, work, order = sys.argv[1], sys.argv[2], [int(n) for n in sys.argv[3].split(",")]
spec = SceneSpec(scene="main", bundle="b", digest="", frames=1, duration=1)
scene = LottieEngine().open(spec, Files({"b": path}, work), (320, 180), "#FFFFFF", ())
buffers = [np.empty((180, 320, 4), np.uint8) for _ in range(2)]
found = {}
for turn, frame in enumerate(order):
    scene.draw(frame / 30, buffers[turn % 2])
    found[frame] = hashlib.sha256(buffers[turn % 2]).hexdigest()
print([found[n] for n in sorted(found)])
"""


def test_two_processes_draw_the_same_bytes_in_any_order(build: Any, save: Save, tmp_path: Path) -> None:
    layer = build.text("T", "سلام Office ۱۲۳")
    spin = [{"t": 0, "s": [0], "i": {"x": [0.8], "y": [0.9]}, "o": {"x": [0.2], "y": [0.1]}}, {"t": 60, "s": [90]}]
    layer["ks"] = {**layer["ks"], "r": {"a": 1, "k": spin}}
    path = save(build.document(layer, build.rectangle("Back", [0.9, 0.8, 0.1, 1])))
    outputs = {
        subprocess.run(
            [sys.executable, "-c", DRAW, str(path), str(tmp_path / "w"), order], capture_output=True, text=True, check=True, timeout=60
        ).stdout
        for order in ("0,7,13,31,59", "59,13,0,31,7")
    }
    assert len(outputs) == 1


def test_the_build_names_engine_shaper_and_fonts(engine: LottieEngine) -> None:
    assert all(part in engine.build for part in ("thorvg-", "harfbuzz-", "fonts-"))
    assert engine.build == LottieEngine().build


def test_a_composition_named_frfinal_is_the_scene(build: Any, save: Save, engine: LottieEngine, scene: Start, picture_of: Start) -> None:
    final = {"id": "c", "nm": "frfinal", "w": 200, "h": 100, "layers": [build.rectangle("Back", [0, 0, 1, 1]), build.text("frl_a", "x")]}
    path = save(build.document(build.rectangle("Not drawn", [1, 0, 0, 1]), assets=[final]))
    found = engine.scan(path, path.parent / "w").scenes[0]
    assert (found.width, found.height, [e.key for e in found.elements]) == (200, 100, ["frl_a"])
    assert middle(picture_of(scene(path))) == (0, 0, 255, 255)


def test_every_keyframe_of_a_text_takes_the_new_text(build: Any, save: Save, scene: Start, picture_of: Start) -> None:
    def document(first: str, second: str) -> Any:
        layer = build.text("T", first)
        keys = layer["t"]["d"]["k"]
        keys.append({"t": 30, "s": {**keys[0]["s"], "t": second, "fc": [1, 0, 0]}})
        return build.document(layer)

    given = scene(save(document("old", "older"), "1"), texts={"T": "New"})
    same = scene(save(document("New", "New"), "2"))
    for seconds in (0.5, 1.5):
        assert np.array_equal(picture_of(given, seconds), picture_of(same, seconds))
    assert not np.array_equal(picture_of(given, 0.5), picture_of(given, 1.5))


def test_a_text_whose_expression_reads_an_elements_text_follows_it(build: Any, save: Save, scene: Start, picture_of: Start) -> None:
    shared = {"id": "c", "nm": "frshare", "layers": [build.text("company", "ACME")]}
    follower = build.text("plain", "ACME")
    follower["t"]["d"]["x"] = "var $bm_rt = comp('frshare').layer('company').text.sourceText;"
    given = picture_of(scene(save(build.document(follower, assets=[shared]), "1"), texts={"company": "Globex"}))
    del follower["t"]["d"]["x"]
    follower["t"]["d"]["k"][0]["s"]["t"] = "Globex"
    assert np.array_equal(given, picture_of(scene(save(build.document(follower), "2"))))


def test_values_that_would_fill_the_memory_are_refused(build: Any, save: Save, scene: Start, tmp_path: Path) -> None:
    fill = {"sid": "s"}
    many = build.layer(4, "x", shapes=[{"ty": "fl", "c": dict(fill)} for _ in range(300)])
    big = {"a": 1, "k": [{"t": n, "s": [0.5, 0.5, 0.5, 1]} for n in range(10_000)]}
    with pytest.raises(TemplateRefused) as caught:
        scene(save(build.document(many, slots={"s": {"p": big}}), "1"))
    assert caught.value.code == "lottie.too_complex"
    texts = [build.text("", "x" * 2000) for _ in range(51)]
    with pytest.raises(TemplateRefused) as caught:
        scene(save(build.document(*texts), "2"))
    assert caught.value.code == "text.too_long"
    (tmp_path / "photo").write_bytes(png((1, 2, 3)))
    path = save(build.document(build.image("P", "i"), assets=[{"id": "i", "w": 99_000, "h": 99_000, "p": "x.png"}]), "3")
    scene(path, pictures={"P": tmp_path / "photo"})


@pytest.mark.skipif("FLATRENDER_CORPUS" not in os.environ, reason="FLATRENDER_CORPUS names no folder with real Lottie files")
def test_real_files_are_scanned_and_prepared(engine: LottieEngine, tmp_path: Path) -> None:
    files = sorted(Path(os.environ["FLATRENDER_CORPUS"]).glob("*.json"))
    assert files
    for file in files:
        assert engine.scan(file, tmp_path / "w").scenes[0].duration > 0, file.name
