"""What the engine would misread is refused with the way to it; what can only be meant in one way is settled; the rest stays as it is."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie import guard
from node_worker.engines.lottie.structure import settle
from tests.documents.zoo import document, documents, every_shape, layer, place, shape_layer, still

ZOO = dict(documents())
PICTURE = {"id": "picture", "w": 8, "h": 8, "u": "", "p": "data:image/png;base64,AA==", "e": 1}
SCENE = {"id": "scene", "layers": [layer(3)]}


def refusal(found: dict[str, Any]) -> TemplateRefused:
    guard.check(found)
    with pytest.raises(TemplateRefused) as caught:
        settle(found, shaped=False)
    return caught.value


def settled(found: dict[str, Any]) -> dict[str, Any]:
    guard.check(found)
    settle(found, shaped=False)
    return found


@pytest.mark.parametrize("name", ZOO)
def test_what_is_right_is_left_as_it_is(name: str) -> None:
    found = copy.deepcopy(ZOO[name])
    assert json.dumps(settled(found)) == json.dumps(ZOO[name])


@pytest.mark.parametrize(("kind", "asset", "word"), [(2, "scene", "is a composition"), (0, "picture", "is a picture")])
def test_a_layer_that_shows_something_of_another_kind_is_refused(kind: int, asset: str, word: str) -> None:
    found = document(layer(3), layer(kind, nm="Logo", refId=asset), assets=[copy.deepcopy(SCENE), dict(PICTURE)])
    refused = refusal(found)
    assert (refused.code, refused.field) == ("lottie.bad_reference", "layers[1].refId")
    assert word in refused.detail and "'Logo'" in refused.detail


def test_a_hidden_layer_of_another_kind_is_let_be_as_the_engine_drops_it() -> None:
    settled(document(layer(2, refId="scene", hd=True), assets=[copy.deepcopy(SCENE)]))


def test_names_that_the_engine_cannot_tell_apart_are_refused() -> None:
    # Both give the engine the same number: 33 times one letter more is as much as the next letter 33 less.
    two = [{**copy.deepcopy(SCENE), "id": "Ab"}, {**PICTURE, "id": "BA"}]
    assert refusal(document(assets=two)).field == "assets[1].id"
    assert refusal(document(layer(0, refId="BA"), assets=two[:1])).code == "lottie.bad_reference"


def test_of_two_compositions_with_one_name_the_first_counts() -> None:
    itself = {"id": "a", "layers": [layer(0, refId="a")]}
    assert refusal(document(assets=[itself, {"id": "a", "layers": []}])).code == "lottie.circle"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ks": place(o=still("full"))}, "layers[0].ks.o.k"),
        ({"ks": place(p=still([1]))}, "layers[0].ks.p.k"),
        ({"ks": place(r=7)}, "layers[0].ks.r"),
        ({"ks": place(s=still([1e8, 1]))}, "layers[0].ks.s.k[0]"),
        ({"ks": place(p={"k": [{"t": 0, "s": [0, 0], "to": [1]}, {"t": 9, "s": [1, 1]}]})}, "layers[0].ks.p.k[0].to"),
        ({"ks": place(r={"k": [{"t": 0, "s": [0], "i": {"x": 0, "y": 1, "z": 2}}]})}, "layers[0].ks.r.k[0].i.z"),
        ({"ty": 4.5}, "layers[0].ty"),
        ({"ty": 260}, "layers[0].ty"),
        ({"tt": 9}, "layers[0].tt"),
        ({"hd": "no"}, "layers[0].hd"),
        ({"refId": 7.5}, "layers[0].refId"),
        ({"shapes": [7]}, "layers[0].shapes[0]"),
        ({"shapes": [{"ty": 4}]}, "layers[0].shapes[0].ty"),
        ({"shapes": [{"ty": "gr", "it": [{"ty": "fl", "c": still([1, 0])}]}]}, "layers[0].shapes[0].it[0].c.k"),
        ({"shapes": [{"ty": "sh", "ks": still({"i": [[0, 0]], "o": [[0]], "v": [[0, 0]], "c": True})}]}, "layers[0].shapes[0].ks.k.o[0]"),
        ({"shapes": [{"ty": "st", "d": [{"n": "d", "v": still(1)}] * 251}]}, "layers[0].shapes[0].d"),
        ({"shapes": [{"ty": "gf", "g": {"p": 3, "k": still([0, 1, 0, 0])}}]}, "layers[0].shapes[0].g.k.k"),
        ({"masksProperties": [{"mode": "a", "pt": {"a": 0}}]}, "layers[0].masksProperties[0].pt.k"),
        ({"masksProperties": [{"mode": "a"}]}, "layers[0].masksProperties[0].pt.k"),
        ({"masksProperties": [{"mode": 1, "pt": still({"i": [], "o": [], "v": []})}]}, "layers[0].masksProperties[0].mode"),
        ({"ef": [{"ty": 25, "ef": [{"v": still(1)}]}]}, "layers[0].ef[0].ef[0].v.k"),
        ({"ef": [{"ty": 5, "ef": [{"ty": 2, "v": still(1)}]}]}, "layers[0].ef[0].ef[0].v.k"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_the_way_to_it(change: dict[str, Any], field: str) -> None:
    refused = refusal(document(shape_layer([], nm="Box") | change))
    assert (refused.code, refused.field) == ("lottie.bad_field", field)
    assert refused.detail.startswith(f"{field} ('Box') ") and "Correct it" in refused.detail


def test_a_texts_values_are_refused_as_far_as_shaping_does_not_write_them_anew() -> None:
    def text(**more: Any) -> dict[str, Any]:
        return document(layer(5, t={"d": {"k": [{"t": 0, "s": {"t": "a", "f": "F", "s": 20, **more}}]}, "a": []}))

    settled(text(lh="wide", j="left"))
    assert refusal(text(fc="#F00")).field == "layers[0].t.d.k[0].s.fc"
    with pytest.raises(TemplateRefused) as caught:
        settle(text(lh="wide"), shaped=True)
    assert caught.value.field == "layers[0].t.d.k[0].s.lh"


def test_what_can_only_be_meant_in_one_way_is_settled() -> None:
    easy = {"k": [{"t": 0, "s": [0], "i": {"x": 0, "y": []}}, {"t": 9, "s": [1]}]}
    mask = {"pt": still({"i": [], "o": [], "v": [], "c": 1})}
    found = settled(
        document(shape_layer([], ks=place(r=easy), masksProperties=[mask]) | {"ty": 4.0, "hd": 0, "ddd": False, "nm": None, "parent": None})
    )
    one = found["layers"][0]
    assert (one["ty"], type(one["ty"]), one["hd"], one["ddd"]) == (4, int, False, 0)
    assert "nm" not in one and "parent" not in one
    assert (one["ks"]["r"]["k"][0]["i"], one["ks"]["r"]["k"][0]["o"]) == ({"x": 0, "y": 1}, {"x": 0, "y": 0})
    assert (one["masksProperties"][0]["mode"], one["masksProperties"][0]["pt"]["k"]["c"]) == ("a", True)


def test_a_number_is_a_name_too_and_a_solid_without_a_colour_is_black() -> None:
    found = settled(document(layer(0, refId=7, w=9, h=9), layer(1, sw=9, sh=9), assets=[{"id": 7, "layers": [layer(3)]}]))
    assert (found["layers"][0]["refId"], found["layers"][1]["sc"]) == ("7", "#000000")


def test_shapes_of_layers_that_have_none_are_taken_out_before_the_engine_takes_them_for_layers() -> None:
    found = settled(document(*(layer(kind, shapes=every_shape()) for kind in (0, 2, 5)), shape_layer(every_shape(), t={"d": 7})))
    assert [sorted({"shapes", "t"} & set(one)) for one in found["layers"]] == [[], [], [], ["shapes"]]


def test_an_easing_without_its_curve_gets_one() -> None:
    selector = {"a": still(100), "ne": still(50)}
    found = settled(document(layer(5, t={"d": {"k": []}, "a": [{"s": selector}]})))
    assert found["layers"][0]["t"]["a"][0]["s"]["xe"] == still(0)


@pytest.mark.parametrize(
    "links",
    [
        [{"ind": 1, "parent": 2}, {"ind": 2, "parent": 1}],
        [{"ind": 1, "parent": 65_538}, {"ind": 2, "parent": 1}],  # the engine keeps 16 bits
        [{"ind": 1, "tt": 1, "tp": 2}, {"ind": 2, "tt": 1}],  # without a name the one above is the matte
        [{"ind": 1, "tt": 1, "tp": 1}],
        [{"ind": 5, "tt": 1, "tp": 6, "parent": 6}, {"ind": 6, "parent": 5}],
    ],
)
def test_layers_that_hang_on_each_other_in_a_circle_are_refused(links: list[dict[str, Any]]) -> None:
    found = document()
    found["layers"] = [shape_layer([]) | link for link in links]
    assert refusal(found).code == "lottie.circle"


def test_layers_that_hang_on_each_other_without_a_circle_are_taken() -> None:
    found = document()
    found["layers"] = [
        shape_layer([]) | link for link in ({"ind": 1}, {"ind": 2, "parent": 1}, {"ind": 1, "parent": 2}, {"ind": 4, "parent": 4})
    ]
    settled(found)


def test_a_very_long_chain_of_parents_is_refused() -> None:
    found = document()
    found["layers"] = [shape_layer([]) | {"ind": index, "parent": index + 1} for index in range(1, 300)]
    assert refusal(found).code == "lottie.too_deep"


def test_fills_and_groups_that_multiply_are_refused() -> None:
    items: list[dict[str, Any]] = [every_shape()[0]]
    for _ in range(14):
        items = [{"ty": "gr", "it": [*items, *({"ty": "fl", "c": still([1, 0, 0]), "o": still(50)} for _ in range(3))]}]
    assert refusal(document(shape_layer(items))).code == "lottie.too_complex"


def test_an_easing_that_overshoots_counts_towards_a_stars_points() -> None:
    def star(y: float) -> dict[str, Any]:
        points = {"k": [{"t": 0, "s": [500], "i": {"x": 0, "y": y}, "o": {"x": 0, "y": 0}}, {"t": 9, "s": [1000]}]}
        return document(shape_layer([{"ty": "sr", "sy": 1, "pt": points}]))

    settled(star(1))
    assert refusal(star(60)).code == "lottie.too_complex"


def test_what_draws_far_beyond_the_picture_is_refused() -> None:
    def scaled(percent: float, **more: Any) -> dict[str, Any]:
        inner = {"id": "inner", "layers": [shape_layer(every_shape(), ks=place(s=still([percent, percent])))]}
        return document(layer(0, refId="inner", w=160, h=90, ks=place(s=still([percent, percent]), **more)), assets=[inner])

    settled(scaled(3000))
    refused = refusal(scaled(100_000))
    assert (refused.code, refused.field) == ("lottie.too_complex", "layers[0]")
    assert refusal(scaled(3000, sk=still(89.99))).field == "layers[0]"


def test_a_repeater_whose_copies_grow_without_end_is_refused() -> None:
    def copies(count: float, percent: float) -> dict[str, Any]:
        grow = {"s": still([percent, percent]), "p": still([5, 0]), "a": still([0, 0]), "r": still(0)}
        return document(shape_layer([every_shape()[0], {"ty": "rp", "c": still(count), "o": still(0), "tr": grow}]))

    settled(copies(50, 110))
    assert refusal(copies(18, 900)).code == "lottie.too_complex"


def test_an_easing_far_away_between_values_that_hardly_differ_is_taken() -> None:
    def turned(degrees: float) -> dict[str, Any]:
        eased = {"i": {"x": [0.5], "y": [2e8]}, "o": {"x": [0.5], "y": [-2e8]}}
        return document(shape_layer([], ks=place(p={"k": [{"t": 0, "s": [9, 9], **eased}, {"t": 9, "s": [9 + degrees, 9]}]})))

    settled(turned(1e-7))
    assert refusal(turned(1)).code == "lottie.too_complex"


def test_lines_of_too_many_dashes_are_refused() -> None:
    def dashed(length: float) -> dict[str, Any]:
        line = {"ty": "st", "c": still([0, 0, 1]), "w": still(1), "d": [{"n": "d", "v": still(length)}, {"n": "o", "v": still(1e-3)}]}
        return document(shape_layer([{"ty": "rc", "s": still([9000, 9000]), "p": still([0, 0])}, line]))

    settled(dashed(1))
    assert refusal(dashed(0.01)).code == "lottie.too_complex"


@pytest.mark.parametrize("path", [{"i": [], "o": [], "v": []}, {"i": [[0, 0]], "o": [[0, 0]], "v": [[0, 0], [1, 1]]}])
def test_paths_without_points_are_refused_where_the_engine_widens_them(path: dict[str, Any]) -> None:
    mask = {"mode": "a", "pt": still(path), "x": still(4)}
    assert refusal(document(shape_layer([], masksProperties=[mask]))).field == "layers[0].masksProperties[0].pt"
    settled(document(shape_layer([], masksProperties=[mask | {"x": still(0)}])))
    inside = {"ty": "gr", "it": [{"ty": "sh", "ks": still(path)}]}
    assert refusal(document(shape_layer([inside, {"ty": "op", "a": still(3)}]))).field == "layers[0].shapes[0].it[0].ks"
    settled(document(shape_layer([{"ty": "op", "a": still(3)}, inside])))


def test_a_text_that_follows_a_mask_without_points_is_refused() -> None:
    def along(path: dict[str, Any]) -> dict[str, Any]:
        mask = {"mode": "n", "pt": still(path)}
        return document(layer(5, t={"d": {"k": []}, "p": {"m": 0}}, masksProperties=[mask]))

    settled(along({"i": [[0, 0]], "o": [[0, 0]], "v": [[0, 0]], "c": False}))
    refused = refusal(along({"i": [], "o": [], "v": [], "c": False}))
    assert (refused.code, refused.field) == ("lottie.bad_reference", "layers[0].masksProperties[0].pt")


def test_a_template_is_refused_when_it_is_uploaded_slots_included(engine: Any, save: Callable[..., Path], tmp_path: Path) -> None:
    box = every_shape()[0]
    box["it"][1] = {"ty": "fl", "c": {"sid": "ink"}, "o": still(100)}
    with pytest.raises(TemplateRefused) as caught:
        engine.scan(save(document(shape_layer([box]), slots={"ink": {"p": still("red")}})), tmp_path / "w")
    assert (caught.value.code, caught.value.field) == ("lottie.bad_field", "layers[0].shapes[0].it[1].c.k")


STAR, BOX, OVAL = ({"ty": kind, "nm": "form"} for kind in ("sr", "rc", "el"))
STAR |= {"sy": 1, "pt": still(5), "ir": still(6), "or": still(15)}
CORNERS, PUCKER, WIDER, COPIES = (
    {"ty": "rd", "r": still(2)},
    {"ty": "pb", "a": still(9)},
    {"ty": "op", "a": still(3)},
    {"ty": "rp", "c": still(2)},
)


def inside(*items: dict[str, Any]) -> dict[str, Any]:
    return {"ty": "gr", "it": list(items)}


@pytest.mark.parametrize(
    "shapes",
    [
        [STAR, CORNERS, COPIES],
        [STAR, COPIES, CORNERS],
        [inside(STAR, PUCKER), COPIES],
        [inside(STAR), WIDER, COPIES],
        [inside(STAR, COPIES), CORNERS],
        [BOX, PUCKER, COPIES],
        [OVAL, WIDER, COPIES],
    ],
)
def test_a_shape_that_is_changed_as_a_path_and_repeated_is_refused_as_the_engine_would_end(shapes: list[dict[str, Any]]) -> None:
    refused = refusal(document(shape_layer(copy.deepcopy(shapes), nm="Badge")))
    assert refused.code == "lottie.bad_reference" and refused.field.startswith("layers[0].shapes[0]")
    assert "'Badge'" in refused.detail and "make it a path" in refused.detail


@pytest.mark.parametrize(
    "shapes",
    [
        [BOX, CORNERS, COPIES],
        [COPIES, STAR, CORNERS],
        [STAR, {**CORNERS, "hd": True}, COPIES],
        [{**STAR, "hd": True}, CORNERS, COPIES],
        [STAR, CORNERS, inside(BOX, COPIES)],
        [STAR, COPIES],
    ],
)
def test_what_the_engine_copies_well_is_let_be(shapes: list[dict[str, Any]]) -> None:
    settled(document(shape_layer(copy.deepcopy(shapes))))


@pytest.mark.parametrize("points", [None, {"a": 0}, still(0)])
def test_a_star_without_points_is_refused(points: dict[str, Any] | None) -> None:
    star = {name: value for name, value in (STAR | {"pt": points}).items() if value is not None}
    assert refusal(document(shape_layer([star]))).code == "lottie.bad_field"


def gradients(*keyframes: dict[str, Any]) -> dict[str, Any]:
    return document(layer(4, shapes=[{"ty": "gf", "g": {"p": 1, "k": {"a": 1, "k": [*keyframes]}}}]))


STOPS, OTHERS = [0.0, 1.0, 0.0, 0.0], [0.5, 0.0, 1.0, 0.0]


def test_a_gradients_keyframe_without_stops_is_refused_unless_the_one_before_says_how_it_ends() -> None:
    for frames in (
        [{"t": 0}, {"t": 9, "s": STOPS}],
        [{"t": 0, "s": STOPS}, {"t": 9}],
        [{"t": 0, "s": STOPS}, {"t": 5, "s": None}, {"t": 9, "s": STOPS}],
    ):
        assert refusal(gradients(*frames)).field == "layers[0].shapes[0].g.k.k"
    ended = settled(gradients({"t": 0, "s": list(STOPS), "e": list(OTHERS)}, {"t": 9}))
    assert ended["layers"][0]["shapes"][0]["g"]["k"]["k"][1]["s"] == OTHERS


def test_a_matte_that_would_be_its_own_parent_is_refused() -> None:
    assert refusal(document(shape_layer([], parent=1), shape_layer([], tt=1))).code == "lottie.circle"
    settled(document(shape_layer([], parent=1), shape_layer([])))


@pytest.mark.parametrize("count", [None, 0, 3, 8])
def test_a_stroke_effect_without_all_its_values_is_refused(count: int | None) -> None:
    values = [{"ty": 0, "nm": "value", "v": still([1, 0, 0, 1] if place == 3 else 1)} for place in range(9)]
    stroke: dict[str, Any] = {"ty": 22, "nm": "stroke", "ef": values}
    settled(document(layer(3, ef=[copy.deepcopy(stroke)])))
    less = {"ty": 22, "nm": "stroke"} if count is None else stroke | {"ef": values[:count]}
    refused = refusal(document(layer(3, ef=[less])))
    assert (refused.code, refused.field) == ("lottie.bad_field", "layers[0].ef[0].ef")
