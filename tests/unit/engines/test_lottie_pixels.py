"""Blend modes, freeze frames and pictures come out as their designer saw them."""

import base64
import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie.frames import frame_of
from node_worker.engines.lottie.ground import Ground
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.blending import blending, blends
from node_worker.engines.lottie.rewrites.remap import freeze_frames
from node_worker.engines.lottie.views import views

Save, Start, Draw = Callable[[Any], Path], Callable[..., Any], Callable[..., Any]
ORANGE, BLUE = [0.9, 0.5, 0.2], [0.2, 0.4, 0.8]
SCREEN, SOFT_LIGHT = 2, 9


def still(value: Any) -> dict[str, Any]:
    return {"a": 0, "k": value}


def half(build: Any, colour: list[float], **fields: Any) -> dict[str, Any]:
    """A rectangle over the left half."""
    layer = build.rectangle("half", colour, **fields)
    layer["shapes"][0]["it"][0] |= {"s": still([160, 180]), "p": still([80, 90])}
    return layer


def blended(build: Any, mode: int) -> tuple[Any, Any]:
    """A layer in a mode over a half and over nothing."""
    return build.rectangle("above", ORANGE, bm=mode), half(build, BLUE)


@pytest.mark.parametrize("background", ["#FFFFFF", "#102030"])
def test_a_layer_in_a_blend_mode_mixes_with_layers_and_not_with_the_background(build, save, scene, picture_of, background):
    path = save(build.document(*blended(build, SCREEN)))
    pixels = picture_of(scene(path, background=background))
    assert np.abs(pixels[90, 80].astype(int) - [235, 178, 214, 255]).max() <= 2
    assert np.abs(pixels[90, 240].astype(int) - [230, 128, 51, 255]).max() <= 1


@pytest.mark.parametrize("background", [(255, 255, 255), (16, 32, 48), (0, 0, 0)])
def test_what_was_drawn_is_laid_over_the_background_by_its_opacity(background):
    rng = np.random.default_rng(4)
    opacity = rng.integers(0, 256, (37, 5, 1))  # a height that the rows laid over at once do not divide
    pixels = np.concatenate([(rng.integers(0, 256, (37, 5, 3)) * opacity) // 255, opacity], axis=-1).astype(np.uint8)
    wanted = pixels[..., :3] + (255 - opacity) * np.array(background) / 255
    Ground(background, clear=True).after(pixels)
    assert np.abs(pixels[..., :3] - wanted).max() <= 0.51 and (pixels[..., 3] == 255).all()


def test_a_document_without_blend_modes_is_drawn_straight_over_the_background():
    assert not blends(b'{"layers":[{"bm":0,"nm":"\\"bm\\":2"}]}')
    assert blends(b'{"layers":[{"bm":16}]}')


def test_layers_of_a_composition_mix_with_each_other_only(build, save, scene, picture_of):
    asset = {"id": "c", "layers": [*blended(build, SCREEN)]}
    inner = build.layer(0, "comp", refId="c", w=320, h=180)
    pixels = picture_of(scene(save(build.document(inner, build.rectangle("ground", [0.1, 0.6, 0.3]), assets=[asset]))))
    assert np.abs(pixels[90, 80].astype(int) - [235, 178, 214, 255]).max() <= 3
    assert np.abs(pixels[90, 240].astype(int) - [230, 128, 51, 255]).max() <= 2


def test_a_fills_mode_becomes_its_groups_where_it_has_no_other_paint_and_is_told_otherwise(build):
    layer = build.rectangle("one", ORANGE)
    layer["shapes"][0]["it"][1]["bm"] = SCREEN
    two = build.rectangle("two", ORANGE)
    two["shapes"][0]["it"][1]["bm"] = SCREEN
    two["shapes"][0]["it"].insert(1, {"ty": "st", "c": still([0, 0, 0]), "o": still(100), "w": still(2)})
    report = Report()
    blending(build.document(layer, two), report)
    assert layer["shapes"][0]["bm"] == SCREEN and "bm" not in two["shapes"][0]
    assert [(one.code, one.element) for one in report.warnings] == [("shape.blend_mode", "two")]


@pytest.mark.parametrize(("mode", "told"), [(SOFT_LIGHT, ["layer.blend_mode"]), (SCREEN, []), (0, []), ("odd", []), (None, [])])
def test_a_mode_that_is_mixed_otherwise_within_a_composition_is_told_at_its_layer(build, mode, told):
    report = Report()
    asset = {"id": "c", "layers": [build.rectangle("above", ORANGE, bm=mode)]}
    blending(copy.deepcopy(build.document(build.layer(0, "comp", refId="c"), assets=[asset])), report)
    assert [one.code for one in report.warnings] == told
    assert all(one.element == "above" for one in report.warnings)


def lightness(colour: list[float]) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def with_lightness(colour: list[float], wanted: float) -> list[float]:
    """SetLum and ClipColor of the W3C's text."""
    moved = [part + wanted - lightness(colour) for part in colour]
    least, most, grey = min(moved), max(moved), lightness(moved)
    if least < 0:
        moved = [grey + (part - grey) * grey / (grey - least) for part in moved]
    if most > 1:
        moved = [grey + (part - grey) * (1 - grey) / (most - grey) for part in moved]
    return moved


def with_saturation(colour: list[float], wanted: float) -> list[float]:
    least, most = min(colour), max(colour)
    return [(part - least) * wanted / (most - least) if most > least else 0.0 for part in colour]


def saturation(colour: list[float]) -> float:
    return max(colour) - min(colour)


def soft_light(below: float, above: float) -> float:
    if above <= 0.5:
        return below - (1 - 2 * above) * below * (1 - below)
    curve = ((16 * below - 12) * below + 4) * below if below <= 0.25 else below**0.5
    return below + (2 * above - 1) * (curve - below)


MIXED: dict[int, Callable[[list[float], list[float]], list[float]]] = {
    9: lambda below, above: [soft_light(one, other) for one, other in zip(below, above, strict=True)],
    12: lambda below, above: with_lightness(with_saturation(above, saturation(below)), lightness(below)),
    13: lambda below, above: with_lightness(with_saturation(below, saturation(above)), lightness(below)),
    14: lambda below, above: with_lightness(above, lightness(below)),
    15: lambda below, above: with_lightness(below, lightness(above)),
}
PAIRS = [
    (BLUE, ORANGE),
    ([0.1, 0.9, 0.8], [1.0, 1.0, 1.0]),
    ([0.95, 0.97, 0.2], [0.02, 0.3, 0.9]),
    ([0.5, 0.5, 0.5], ORANGE),
    ([0.1, 0.2, 0.05], BLUE),
]


@pytest.mark.parametrize("mode", MIXED)
@pytest.mark.parametrize("opacity", [100, 40])
def test_modes_that_the_engine_mixes_otherwise_are_mixed_as_the_standard_says(build, save, scene, picture_of, mode, opacity):
    for below, above in PAIRS:
        top = build.rectangle("above", above, bm=mode, ks={**build.layer(4, "")["ks"], "o": still(opacity)})
        opened = scene(save(build.document(top, half(build, below))))
        pixels = picture_of(opened).astype(int)
        part = opacity / 100
        wanted = [255 * (part * one + (1 - part) * other) for one, other in zip(MIXED[mode](below, above), below, strict=True)]
        assert np.abs(pixels[90, 80, :3] - wanted).max() <= 3, (below, above)
        assert np.abs(pixels[90, 240, :3] - [255 * (part * one + 1 - part) for one in above]).max() <= 2
        assert opened.warnings == ()


def test_layers_above_a_mixed_one_lie_over_it_and_layers_keep_their_parents_and_mattes(build, save, scene, picture_of):
    parent = build.rectangle("parent", [0, 0, 0], ind=1)
    parent["ks"] = {**parent["ks"], "p": still([160, 0]), "o": still(0)}
    matte = {**half(build, [1, 1, 1]), "td": 1, "ind": 2}
    top = half(build, ORANGE, ind=3, parent=1)  # moved to the right half
    mixed = build.rectangle("mixed", [1.0, 1.0, 1.0], bm=15, tt=1, tp=2, ind=4)  # seen on the left half
    ground = build.rectangle("ground", [0.2, 0.2, 0.6], ind=5)
    pixels = picture_of(scene(save(build.document(top, parent, matte, mixed, ground)))).astype(int)
    assert np.abs(pixels[90, 240, :3] - [230, 128, 51]).max() <= 1
    assert np.abs(pixels[90, 80, :3] - 255).max() <= 2


def test_many_mixed_layers_are_told_instead_as_each_draws_the_document_again(build):
    report = Report()
    layers = [build.rectangle(f"mixed {index}", ORANGE, bm=SOFT_LIGHT) for index in range(5)]
    blending(build.document(*layers), report)
    assert len(report.warnings) == 5
    report = Report()
    blending(build.document(*layers[:4]), report)
    assert report.warnings == ()


def remapped(build: Any, keys: Any) -> dict[str, Any]:
    """A composition of 60 frames, its time remapped by `keys`: frames of the film to frames of it."""
    time = {"a": 1, "k": keys} if isinstance(keys, list) else still(keys)
    asset = {"id": "c", "layers": [{**build.rectangle("box", ORANGE), "op": 60}]}
    return build.document(build.layer(0, "comp", refId="c", w=320, h=180, tm=time), assets=[asset])


def key(at: float, frame: float, **more: Any) -> dict[str, Any]:
    return {"t": at, "s": [frame / 30], "i": {"x": [1], "y": [1]}, "o": {"x": [0], "y": [0]}, **more}


@pytest.mark.parametrize(
    ("keys", "moments"),
    [
        ([key(0, 0), key(30, 60), key(60, 60)], [29, 30, 45]),
        ([key(0, 60), key(60, 0)], [0, 1, 30]),
        ([key(0, 0), key(30, 60), key(60, 0)], [29, 30, 31]),
        ([key(0, 0, e=[2.0]), {"t": 30}], [29, 30, 45]),
        ([key(0, 60, h=1), key(30, 10, h=1), key(59, 10)], [0, 29, 45]),
        (2.0, [0, 45]),
        (2.001, [0, 45]),
    ],
    ids=["held at the end", "backwards", "there and back", "as old exporters write", "holds", "still", "rounded"],
)
def test_time_that_is_remapped_to_the_very_end_shows_the_last_picture(build, save, scene, picture_of, keys, moments):
    opened = scene(save(remapped(build, keys)))
    for frame in moments:
        assert picture_of(opened, frame / 30)[90, 160].tolist() == [230, 128, 51, 255], frame


def test_time_on_its_way_to_the_end_is_what_it_was_and_beyond_it_there_is_nothing(build, save, scene, picture_of):
    moving = build.document(*(), **remapped(build, [key(0, 0), key(30, 60), key(60, 60)]))
    before = [dict(one) for one in moving["layers"][0]["tm"]["k"]]
    freeze_frames(moving, Report())
    keys = moving["layers"][0]["tm"]["k"]
    assert [(one["t"], round(one["s"][0] * 30, 3)) for one in keys] == [(0, 0), (29.995, 59.99), (30, 59), (60, 59)]
    assert keys[0]["o"] == before[0]["o"] and keys[1]["h"] == 1
    beyond = scene(save(remapped(build, 3.0)))
    assert picture_of(beyond, 0.5)[90, 160].tolist() == [255, 255, 255, 255]


@pytest.mark.parametrize("odd", [{}, {"k": None}, {"k": [{}]}, {"k": [{"t": "a", "s": "b"}, {"s": [None]}]}, {"k": ["x"]}, 5])
def test_odd_remaps_are_left_to_who_checks_them(build, odd):
    document = remapped(build, 2.0)
    document["layers"][0]["tm"] = odd
    freeze_frames(document, Report())


def picture(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def shown(build: Any, image: Image.Image, place: tuple[int, int] = (100, 100), **fields: Any) -> dict[str, Any]:
    """A picture in the middle of the film."""
    asset = {"id": "i", "w": place[0], "h": place[1], "u": "", "e": 1, "p": picture(image), **fields.pop("asset", {})}
    layer = build.image("Photo", "i")
    layer["ks"] = {**layer["ks"], "p": still([160, 90]), "a": still([place[0] / 2, place[1] / 2]), **fields}
    return build.document(layer, assets=[asset])


@pytest.mark.parametrize(
    ("fits", "corner", "middle"), [({}, 255, 0), ({"Photo": "contain"}, 255, 0), ({"Photo": "crop"}, 0, 0), ({"Photo": "fill"}, 0, 0)]
)
def test_a_persons_picture_lies_whole_in_its_place_unless_it_is_cropped_or_stretched(
    build, save, scene, picture_of, tmp_path, fits, corner, middle
):
    Image.new("RGB", (200, 40), (0, 90, 0)).save(tmp_path / "given.png")
    path = save(shown(build, Image.new("RGB", (4, 4))))
    pixels = picture_of(scene(path, pictures={"Photo": tmp_path / "given.png"}, fits=fits))
    assert (pixels[50, 115, 0], pixels[90, 160, 0]) == (corner, middle)


@pytest.mark.parametrize(("ratio", "top"), [("xMidYMid meet", 255), ("xMidYMin meet", 0), ("xMidYMid slice", 0), ("none", 0), (None, 0)])
def test_a_templates_picture_lies_as_its_document_says(build, save, scene, picture_of, ratio, top):
    path = save(shown(build, Image.new("RGB", (200, 40), (0, 90, 0)), asset={"pr": ratio}))
    pixels = picture_of(scene(path))
    assert (pixels[42, 160, 0], pixels[90, 160, 0]) == (top, 0 if ratio != "xMidYMin meet" else 255)


def expected(size: tuple[int, int], place: int, scale: float, turn: float, values: np.ndarray) -> np.ndarray:
    """The picture in the middle as a player without faults draws it: each pixel's middle, looked up between the picture's pixels'."""
    zoom = min(size[0] / 320, size[1] / 180) * scale
    sine, cosine = np.sin(np.radians(turn)) / zoom, np.cos(np.radians(turn)) / zoom
    x, y, own = size[0] / 2, size[1] / 2, place / 2
    terms = (cosine, sine, own - cosine * x - sine * y, -sine, cosine, own + sine * x - cosine * y)
    return np.asarray(Image.fromarray(values).transform(size, Image.Transform.AFFINE, terms, Image.Resampling.BILINEAR)).astype(int)


@pytest.mark.parametrize(
    ("scale", "turn", "size"),
    [
        (1.0, 0.0, (320, 180)),
        (2.0, 0.0, (320, 180)),
        (1.0, 0.0, (640, 360)),
        (1.0, 30.0, (320, 180)),
        (1.6, 30.0, (320, 180)),
        (1.0, 200.0, (640, 360)),
    ],
)
def test_a_picture_stands_at_its_very_place_however_it_is_scaled_and_turned(build, save, scene, picture_of, scale, turn, size):
    """Half a pixel beside it a ramp of 8 levels a pixel differs by 4, and one of both sides by more."""
    steps = np.arange(30) * 8
    values = np.stack([np.tile(steps, (30, 1)), np.tile(steps[:, None], (1, 30)), np.full((30, 30), 128)], axis=-1).astype(np.uint8)
    path = save(shown(build, Image.fromarray(values), (30, 30), s=still([100 * scale, 100 * scale, 100]), r=still(turn)))
    pixels = picture_of(scene(path, size=size), size=size).astype(int)[..., :3]
    wanted = expected(size, 30, scale, turn, values)
    inside = expected(size, 30, scale, turn, np.pad(np.full((20, 20, 3), 255, np.uint8), ((5, 5), (5, 5), (0, 0)))).min(-1) == 255
    assert inside.sum() > 300
    assert np.abs((pixels - wanted)[inside].mean(axis=0)).max() < 1.3


def test_a_small_place_that_is_drawn_large_shows_a_persons_picture_sharply(build, save, scene, picture_of, tmp_path):
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::4] = stripes[:, 1::4] = 255
    Image.fromarray(stripes).save(tmp_path / "given.png")
    path = save(shown(build, Image.new("RGB", (4, 4)), (100, 100)))
    pixels = picture_of(scene(path, size=(1280, 720), pictures={"Photo": tmp_path / "given.png"}), size=(1280, 720))
    assert pixels[360, 500:780, 0].std() > 120


def test_a_drawing_in_a_template_is_drawn_without_what_cannot_be_and_a_persons_is_refused(build, save, scene, picture_of, tmp_path):
    text = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10"/><text x="1">a</text></svg>'
    address = "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()
    path = save(shown(build, Image.new("RGB", (4, 4)), asset={"p": address}))
    opened = scene(path)
    assert [(one.code, one.element) for one in opened.warnings] == [("picture.svg_feature", "Photo")]
    assert picture_of(opened)[90, 160].tolist() == [0, 0, 0, 255]
    (tmp_path / "given.svg").write_text(text)
    with pytest.raises(TemplateRefused) as caught:
        scene(path, pictures={"Photo": tmp_path / "given.svg"})
    assert (caught.value.code, caught.value.field) == ("picture.svg_feature", "Photo")


def grown(*keys: tuple[float, float]) -> dict[str, Any]:
    return {"a": 1, "k": [{"t": at, "s": [scale, scale]} for at, scale in keys]}


@pytest.mark.parametrize(
    ("fields", "edge", "moved", "pixels"),
    [
        ({}, None, 0, 0),
        ({"s": still([200, 200])}, 0, 0, 200),
        ({"s": grown((0, 0), (20, 100))}, 0, 0, 100),  # at rest in the size in which it is drawn
        ({"s": grown((0, 0), (20, 200), (25, 100))}, 1, -0.5, 200),  # at rest in half of it
        ({"s": grown((0, 100), (60, 400))}, 1, -0.25, 400),  # it never rests: right in the middle, at twice its size
        ({"s": still([200, 200]), "p": grown((0, 50), (60, 70))}, 1, -0.25, 201),  # not pixel for pixel: it would jump by whole ones
        ({"r": grown((0, 0), (60, 90))}, 1, 0, 100),  # right where it rests
        ({"s": still([-100, 100])}, 1, 0.5, 100),
    ],
)
def test_a_pictures_frame_follows_how_it_is_seen(build, fields, edge, moved, pixels):
    document = shown(build, Image.new("RGB", (4, 4)), **fields)
    found = frame_of(views(document)["i"], (100, 100), 1.0)
    if edge is None:
        assert found is None
    else:
        assert found is not None and found.edge == edge and found.pixels == (pixels, pixels)
        assert found.moved[0] == pytest.approx(moved)


def test_pictures_are_seen_through_parents_and_compositions_and_circles_end(build):
    layer = {**build.image("Photo", "i"), "parent": 1}
    layer["ks"] = {**layer["ks"], "s": still([200, 200])}
    parent = {**build.layer(3, "null"), "ind": 1, "parent": 1}
    parent["ks"] = {**parent["ks"], "s": still([50, 50])}
    inner = {**build.layer(0, "again", refId="c", w=9, h=9)}
    outer = build.layer(0, "comp", refId="c", w=9, h=9)
    outer["ks"] = {**outer["ks"], "s": still([300, 300])}
    asset = {"id": "i", "w": 9, "h": 9, "p": "data:image/png;base64,"}
    document = build.document(outer, assets=[asset, {"id": "c", "layers": [layer, inner]}])
    assert views(document)["i"].zoom == pytest.approx(6.0)
    document["assets"][1]["layers"].append(parent)  # a parent of itself
    assert views(document)["i"].zoom < 1.0
