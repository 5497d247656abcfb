"""What the engine would draw otherwise becomes what it draws right: the rewrites' documents, and small pictures of them."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.engine import LottieEngine
from node_worker.engines.lottie.outline import outline
from node_worker.engines.lottie.prepare import load
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites import rewrite
from node_worker.engines.lottie.rewrites.modifiers import pucker, rounded, zigzag
from node_worker.engines.lottie.structure import settle
from tests.documents.zoo import documents

Document = dict[str, Any]
WHITE, BLUE, GREEN = (255, 255, 255), (0, 0, 255), (0, 255, 0)


def still(value: Any) -> Document:
    return {"a": 0, "k": value}


def keyed(*values: Any, **more: Any) -> Document:
    """A property that goes evenly through values over 60 frames."""
    step = 60 / (len(values) - 1)
    return {"a": 1, "k": [{"t": n * step, "s": value if isinstance(value, list) else [value], **more} for n, value in enumerate(values)]}


def transform(**more: Any) -> Document:
    usual = {"p": still([0, 0]), "a": still([0, 0]), "s": still([100, 100]), "r": still(0), "o": still(100)}
    return {"ty": "tr", **usual, **more}


def group(*items: Document, **more: Any) -> Document:
    return {"ty": "gr", "it": [*items, transform(**more)]}


def box(width: float, height: float, x: float = 0, y: float = 0) -> Document:
    return {"ty": "rc", "d": 1, "s": still([width, height]), "p": still([x, y]), "r": still(0)}


def fill(*colour: float) -> Document:
    return {"ty": "fl", "c": still([*(colour or (0, 0, 1)), 1]), "o": still(100), "r": 1}


def stroke(width: float = 4) -> Document:
    return {"ty": "st", "c": still([0, 0, 1, 1]), "o": still(100), "w": still(width), "lc": 1, "lj": 1, "ml": 4}


def shape_layer(*shapes: Document, **more: Any) -> Document:
    ks = {**{key: part for key, part in transform(p=still([80, 45])).items() if key != "ty"}, **more.pop("ks", {})}
    return {"ty": 4, "nm": "L", "ip": 0, "op": 60, "st": 0, "sr": 1, "bm": 0, "ks": ks, "shapes": [*shapes], **more}


def document(*layers: Document, **more: Any) -> Document:
    numbered = [{"ind": n, **layer} for n, layer in enumerate(layers, 1)]
    whole = {"v": "5.12.1", "fr": 30, "ip": 0, "op": 60, "w": 160, "h": 90, "nm": "test", "assets": [], "layers": numbered, **more}
    return copy.deepcopy(whole)


def rewritten(found: Document) -> tuple[Document, list[str]]:
    """A document after all rewrites, which passes the checks of what the engine is given, and the codes of what was told."""
    loaded, report = load(json.dumps(found).encode()), Report()
    rewrite(loaded, report)
    settle(loaded, shaped=True)
    return loaded, [warning.code for warning in report.warnings]


@pytest.fixture
def drawn(save: Any, scene: Any, picture_of: Any) -> Callable[..., Any]:
    """Draw a document at a frame in 160 by 90 pixels, over white; a picture of whole numbers."""
    count = 0

    def draw(found: Document, frame: float = 0) -> Any:
        nonlocal count
        count += 1
        started = scene(save(found, f"t{count}"), size=(160, 90))
        return picture_of(started, frame / 30, (160, 90))[..., :3].astype(int)

    return draw


def at(picture: Any, x: int, y: int) -> tuple[int, ...]:
    return tuple(int(part) for part in picture[y, x])


def near(one: tuple[int, ...], other: tuple[int, ...], most: int = 3) -> bool:
    return all(abs(a - b) <= most for a, b in zip(one, other, strict=True))


def test_a_half_transparent_solid_is_half_transparent_once(drawn: Any) -> None:
    solid = {**shape_layer(ks={"o": still(50)}), "ty": 1, "sw": 40, "sh": 40, "sc": "#00F"}
    assert near(at(drawn(document(solid)), 90, 60), (127, 127, 255))


def test_a_solids_colour_may_be_written_short_or_by_name_and_nonsense_is_told() -> None:
    for written, colour in (("#F00", [1, 0, 0, 1]), ("#ff0000", [1, 0, 0, 1]), ("lime", [0, 1, 0, 1]), ("?", [0, 0, 0, 1])):
        found, codes = rewritten(document({**shape_layer(), "ty": 1, "sw": 4, "sh": 4, "sc": written}))
        assert found["layers"][0]["shapes"][0]["it"][1]["c"]["k"] == colour
        assert codes == (["layer.colour"] if written == "?" else [])


def test_edges_of_rectangles_are_grey_where_they_cover_a_part_of_a_pixel(drawn: Any) -> None:
    moved = shape_layer(group({**box(40.5, 30), "p": keyed([0, 0], [10, 0])}, fill(0, 0, 0)))
    for layer in (shape_layer(group(box(40.5, 30), fill(0, 0, 0))), moved):
        assert near(at(drawn(document(layer)), 100, 45), (191, 191, 191))


def test_rectangles_that_are_rounded_by_another_shape_stay_rectangles() -> None:
    found, _ = rewritten(document(shape_layer(group(box(40, 30), {"ty": "rd", "r": keyed(0, 9)}, fill()))))
    assert found["layers"][0]["shapes"][0]["it"][0]["ty"] == "rc"


@pytest.mark.parametrize("radius", [still(-9e6), keyed(-9e6, -4)])
@pytest.mark.parametrize("more", [(), ({"ty": "rd", "r": still(0)},)])
def test_a_radius_below_nothing_is_a_sharp_corner(radius: Document, more: tuple[Document, ...]) -> None:
    found, _ = rewritten(document(shape_layer(group({**box(40, 30), "r": radius}, *more, fill()))))
    assert "-9000000" not in json.dumps(found) and "-4" not in json.dumps(found["layers"][0]["shapes"][0]["it"][0].get("r"))


def test_a_rectangle_that_grows_keeps_its_sharp_outline() -> None:
    found, _ = rewritten(document(shape_layer(group({**box(9, 9), "s": keyed([10, 10], [40, 20])}, stroke()))))
    path = found["layers"][0]["shapes"][0]["it"][0]
    middle = sampling.path(path["ks"], 30)
    assert path["ty"] == "sh"
    assert middle is not None
    assert middle["v"] == [[12.5, -7.5], [12.5, 7.5], [-12.5, 7.5], [-12.5, -7.5]]


def test_curved_ways_are_gone_evenly_and_directions_eased_each_in_its_own_way(drawn: Any) -> None:
    ease = {"i": {"x": [1, 0.1], "y": [1, 1]}, "o": {"x": [0, 0.1], "y": [0, 0.9]}}
    found, _ = rewritten(document(shape_layer(group(box(4, 4), fill()), ks={"s": keyed([100, 100], [200, 200], **ease)})))
    assert [round(part) for part in sampling.numbers(found["layers"][0]["ks"]["s"], 30)[:2]] == [150, 197]
    way = {"a": 1, "k": [{"t": 0, "s": [20, 45, 0], "to": [0, -50, 0], "ti": [-90, 0, 0]}, {"t": 60, "s": [140, 45, 0]}]}
    curved = document(shape_layer(group(box(6, 6), fill()), ks={"p": way}))
    x, y = sampling.place(way, 21)
    assert at(drawn(curved, 21), round(x), round(y)) == BLUE


def test_a_way_ends_where_an_old_exporter_lets_it_end_and_a_size_may_change_in_its_second_direction_alone(drawn: Any) -> None:
    curved = {"a": 1, "k": [{"t": 0, "s": [0, 45], "e": [80, 45], "to": [0, 40], "ti": [0, 40]}, {"t": 30}]}
    assert at(drawn(document(shape_layer(group(box(20, 20), fill()), ks={"p": curved})), 40), 80, 45) == BLUE
    handles = {"o": {"x": [0.1, 0.9], "y": [0.9, 0.1]}, "i": {"x": [0.2, 0.9], "y": [0.9, 0.1]}}
    growing = {"a": 1, "k": [{"t": 0, "s": [20, 0], **handles}, {"t": 60, "s": [20, 80]}]}
    layer = shape_layer(group({"ty": "el", "p": still([0, 0]), "s": growing}, fill()))
    assert at(drawn(document(layer), 30), 80, 50) == WHITE


def test_the_ends_of_a_path_without_length_are_a_dot(drawn: Any) -> None:
    point = {"v": [[0, 0]], "i": [[0, 0]], "o": [[0, 0]], "c": True}
    twice = {"v": [[0, 0], [0, 0]], "i": [[0, 0], [0, 0]], "o": [[0, 0], [0, 0]], "c": False}
    for path in (still(point), still(twice), {"a": 1, "k": [{"t": 0, "s": [point]}, {"t": 60, "s": [point]}]}):
        picture = drawn(document(shape_layer(group({"ty": "sh", "ks": path}, {**stroke(20), "lc": 2}))), 9)
        assert (at(picture, 80, 45), at(picture, 87, 45), at(picture, 80, 52)) == (BLUE, BLUE, BLUE)
        assert (at(picture, 89, 54), at(picture, 92, 45)) == (WHITE, WHITE)


def test_a_layer_that_turns_along_its_way_goes_on_as_it_went_where_it_stands(drawn: Any) -> None:
    way = {"s": True, "x": keyed(40, 80, 80), "y": keyed(45, 45, 80)}
    bar = document(shape_layer(group(box(40, 4), fill()), ao=1, ks={"p": way}))
    found, codes = rewritten(bar)
    turn = found["layers"][0]["ks"]["r"]
    assert (found["layers"][0]["ao"], codes) == (0, [])
    assert [round(sampling.value(turn, frame)) for frame in (0, 29, 31, 60)] == [0, 0, 90, 90]
    assert at(drawn(bar, 45), 80, 50) == BLUE


def repeater(copies: Any = 3, offset: Any = 0, order: int = 1, **move: Any) -> Document:
    own = {"p": still([20, 0]), "a": still([0, 0]), "s": still([100, 100]), "r": still(0), "so": still(100), "eo": still(0), **move}
    number = copies if isinstance(copies, dict) else still(copies)
    return {"ty": "rp", "c": number, "o": offset if isinstance(offset, dict) else still(offset), "m": order, "tr": {"ty": "tr", **own}}


def copies_of(found: Document) -> list[Document]:
    return [item["it"][-1] for item in found["layers"][0]["shapes"]]


def test_corners_of_an_outline_that_names_no_limit_are_pointed_as_its_joins_say(drawn: Any) -> None:
    bare = {name: value for name, value in stroke(20).items() if name != "ml"}
    edge = (50, 15)  # pixels of the square's corner, where only a mitre reaches
    assert [near(at(drawn(document(shape_layer(group(box(40, 40), one)))), *edge), BLUE) for one in (stroke(20), bare)] == [True, True]
    told = [{**bare, "ml2": still(limit)} for limit in (10, 0, "?")] + [{**bare, "ml2": keyed(1, 9)}, {**bare, "ml": 1, "ml2": still(9)}]
    limits = [rewritten(document(shape_layer(group(box(40, 40), one))))[0]["layers"][0]["shapes"][0]["it"][1]["ml"] for one in told[:2]]
    assert limits == [10, 4]


def test_a_repeaters_copies_fade_from_the_first_to_the_last() -> None:
    found, codes = rewritten(document(shape_layer(group(box(9, 9), fill()), repeater())))
    assert codes == []
    assert [copy["o"]["k"] for copy in copies_of(found)] == [100, 50, 0]
    assert [copy["p"]["k"] for copy in copies_of(found)] == [[0, 0], [20, 0], [40, 0]]


def test_a_repeaters_offset_scale_and_order_count_for_each_copy() -> None:
    found, _ = rewritten(
        document(shape_layer(group(box(9, 9), fill()), repeater(2, -1, 2, s=still([50, 50]), r=still(30), a=still([4, 0]))))
    )
    last, first = copies_of(found)
    assert (first["s"]["k"], first["r"]["k"], first["p"]["k"], first["a"]["k"]) == ([200, 200], -30, [-16, 0], [4, 0])
    assert (last["s"]["k"], last["o"]["k"]) == ([100, 100], 0)


def test_copies_come_when_their_number_grows_and_at_once(drawn: Any) -> None:
    grown = document(shape_layer(group(box(9, 9), fill()), repeater(keyed(1, 3), eo=still(100)), ks={"p": still([40, 45])}))
    assert [at(drawn(grown, frame), 80, 45) for frame in (29, 31)] == [WHITE, BLUE]


def test_a_repeater_without_bound_is_left_and_told() -> None:
    many = document(shape_layer(group(box(1, 1), fill()), repeater(5000, p=still([0, 0]))))
    assert rewritten(many)[1] == ["repeater.many"]


def test_nested_repeaters_multiply_within_their_bound() -> None:
    path = {"v": [[n, 0] for n in range(300)], "i": [[0, 0]] * 300, "o": [[0, 0]] * 300, "c": True}
    inner: list[Document] = [{"ty": "sh", "ks": still(path)}, fill()]
    for _ in range(3):
        inner = [group(*inner, repeater(30, p=still([0, 0])))]
    assert "repeater.many" in rewritten(document(shape_layer(*inner)))[1]


def test_a_half_transparent_group_shows_no_shape_through_another(drawn: Any) -> None:
    pair = group(group(box(40, 40), fill()), group(box(80, 20), fill(0, 1, 0)), o=still(50))
    picture = drawn(document(shape_layer(pair)))
    assert near(at(picture, 80, 45), (127, 127, 255))
    assert near(at(picture, 110, 45), (127, 255, 127))


def test_a_layer_of_half_transparent_groups_keeps_its_place_children_masks_and_parents(drawn: Any) -> None:
    pair = group(group(box(40, 40), fill()), group(box(60, 20), fill(0, 1, 0)), o=still(50))
    path = {"v": [[-40, -40], [0, -40], [0, 40], [-40, 40]], "i": [[0, 0]] * 4, "o": [[0, 0]] * 4, "c": True}
    mask = {"inv": False, "mode": "a", "pt": still(path), "o": still(100), "x": still(0)}
    layer = shape_layer(pair, ks={"r": still(90)}, masksProperties=[mask])
    child = shape_layer(group(box(6, 6), fill(0, 0, 0)), parent=1, ks={"p": still([30, 0])})
    picture = drawn(document(layer, child))
    assert near(at(picture, 80, 35), (127, 127, 255))
    assert at(picture, 80, 55) == WHITE
    assert at(picture, 80, 75) == (0, 0, 0)


def test_what_cannot_be_split_is_told() -> None:
    pair = group(group(box(40, 40), fill()), group(box(80, 20), fill(0, 1, 0)), o=still(50))
    assert rewritten(document(shape_layer(pair, fill(1, 0, 0))))[1] == ["group.opacity"]


def mask(mode: str, left: float, top: float, right: float, bottom: float, **more: Any) -> Document:
    path = {"v": [[left, top], [right, top], [right, bottom], [left, bottom]], "i": [[0, 0]] * 4, "o": [[0, 0]] * 4, "c": True}
    return {"mode": mode, "inv": False, "pt": still(path), "o": still(100), "x": still(0), **more}


MASKS = {
    "right": (0, -40, 40, 40),
    "lower": (-40, 0, 40, 40),
    "middle": (-20, -20, 20, 20),
}
PLACES = [(x, y) for x in (-30, -10, 10, 30) for y in (-30, -10, 10, 30)]
MEANING: dict[str, Callable[[bool, bool], bool]] = {
    "a": lambda before, own: before or own,
    "s": lambda before, own: before and not own,
    "i": lambda before, own: before and own,
    "f": lambda before, own: before != own,
}


def shown(used: list[tuple[str, str, bool]], x: int, y: int) -> bool:
    """Whether masks let a place through, one after another."""
    result = False
    for number, (mode, name, inverted) in enumerate(used):
        left, top, right, bottom = MASKS[name]
        own = (left < x < right and top < y < bottom) != inverted
        result = (not own if mode == "s" else own) if number == 0 else MEANING[mode](result, own)
    return result


@pytest.mark.parametrize("modes", ["asa", "aas", "sas", "aia", "aff", "sia", "iAa", "AS", "sA", "I", "aI"])
def test_masks_act_one_after_another(modes: str, drawn: Any) -> None:
    used = [(mode.lower(), name, mode.isupper()) for mode, name in zip(modes, MASKS, strict=False)]
    masks = [mask(mode, *MASKS[name], inv=inverted) for mode, name, inverted in used]
    picture = drawn(document(shape_layer(group(box(80, 80), fill()), masksProperties=masks)))
    found = {(x, y): at(picture, 80 + x, 45 + y) == BLUE for x, y in PLACES}
    assert found == {(x, y): shown(used, x, y) for x, y in PLACES}


def test_a_feathered_mask_is_soft(drawn: Any) -> None:
    layer = shape_layer(group(box(80, 80), fill()), masksProperties=[mask("a", -30, -30, 30, 30, f=still([20, 20]))])
    picture = drawn(document(layer))
    assert near(at(picture, 110, 45), (127, 127, 255), 16)
    assert at(picture, 80, 45) == BLUE


def effect(kind: int, *values: Any) -> Document:
    return {"ty": kind, "nm": "e", "en": 1, "ef": [{"ty": 0, "nm": "", "v": still(value)} for value in values]}


def test_the_effect_stroke_outlines_masks_on_its_layer_or_alone(drawn: Any) -> None:
    def stroked(style: int, **more: Any) -> Document:
        values = (1, 0, 0, [0, 1, 0, 1], 4, 1, 1, 0, 100, 15, style)  # the first mask, 8 pixels wide, green
        masks = [mask("n", -20, -20, 20, 20)]
        return shape_layer(group(box(20, 20), fill()), ef=[effect(22, *values)], hasMask=True, masksProperties=masks, **more)

    shown = [[at(drawn(document(stroked(style))), *place) for place in ((80, 45), (100, 45))] for style in (1, 2, 3)]
    assert shown == [[BLUE, GREEN], [WHITE, GREEN], [WHITE, WHITE]], "over the layer, without it, and what it uncovers of it"
    assert [at(drawn(document(stroked(1, ks={"o": still(0)}))), *place) for place in ((80, 45), (100, 45))] == [WHITE, WHITE]
    found, codes = rewritten(document(stroked(1, td=1), stroked(1, tt=1)))
    assert (codes, len(found["layers"])) == (["effect.stroke"], 2), "told once for both, which have one name"
    found, codes = rewritten(document({**stroked(1), "masksProperties": []}))
    assert (codes, len(found["layers"]), found["layers"][0].get("ef")) == ([], 1, [])


def test_set_matte_takes_a_hidden_layers_area(drawn: Any) -> None:
    source = shape_layer(group(box(20, 80), fill(1, 0, 0)), hd=True, ind=7)
    picture = drawn(document(source, shape_layer(group(box(80, 40), fill()), ef=[effect(28, 7, 4, 0, 1, 1, 1)])))
    assert (at(picture, 80, 45), at(picture, 60, 45)) == (BLUE, WHITE)
    assert rewritten(document(source, shape_layer(ef=[effect(28, 9, 4, 0)])))[1] == ["effect.set_matte"]


def test_an_effect_that_does_not_say_whether_it_is_on_is_on(drawn: Any) -> None:
    for said, colour in (({}, (255, 0, 0)), ({"en": True}, (255, 0, 0)), ({"en": False}, BLUE)):
        held = effect(21, 0, 0, [1, 0, 0, 1], 0, 0, 0, 1)
        del held["en"]
        assert at(drawn(document(shape_layer(group(box(20, 20), fill()), ef=[{**held, **said}]))), 80, 45) == colour


def test_a_masked_layers_effects_act_on_what_the_mask_left(drawn: Any) -> None:
    red = effect(21, 0, 0, [1, 0, 0, 1], 0, 0, 0, 1)
    precomp = {
        **shape_layer(ef=[red], masksProperties=[mask("a", 0, 0, 80, 90)], ks={"p": still([0, 0])}),
        "ty": 0,
        "refId": "c",
        "w": 160,
        "h": 90,
    }
    inner = shape_layer(group(box(100, 40), fill()))
    picture = drawn(document(precomp, assets=[{"id": "c", "layers": [inner]}]))
    assert (at(picture, 60, 45), at(picture, 100, 45)) == ((255, 0, 0), WHITE)


def test_shadows_and_overlays_of_layer_styles_are_drawn_and_others_told(drawn: Any) -> None:
    shadow = {"ty": 1, "c": still([1, 0, 0, 1]), "o": still(100), "a": still(180), "d": still(20), "s": still(0)}
    overlay = {"ty": 7, "c": still([0, 1, 0, 1]), "o": still(100)}
    picture = drawn(document(shape_layer(group(box(40, 40), fill()), sy=[shadow, overlay])))
    assert (at(picture, 80, 45), at(picture, 112, 45)) == (GREEN, (255, 0, 0))
    assert rewritten(document(shape_layer(sy=[{"ty": 0}])))[1] == ["layer.style"]


def test_a_zigzag_goes_to_either_side_by_turns() -> None:
    corner = {"v": [[0, 0], [30, 0], [30, 30]], "i": [[0, 0]] * 3, "o": [[0, 0]] * 3, "c": False}
    ridges = [[round(part) for part in point] for point in zigzag(corner, 5, 2, smooth=False)["v"]]
    assert ridges[1:3] + ridges[4:6] == [[10, -5], [20, 5], [25, 10], [35, 20]]
    found, codes = rewritten(
        document(shape_layer(group(box(40, 40), {"ty": "zz", "s": still(5), "r": still(2), "pt": still(1)}, stroke())))
    )
    assert codes == []
    assert [item["ty"] for item in found["layers"][0]["shapes"][0]["it"]] == ["sh", "st", "tr"]


def test_a_zigzag_of_what_was_trimmed_before_is_told() -> None:
    trim = {"ty": "tm", "s": still(0), "e": still(50), "o": still(0), "m": 1}
    shapes = group(box(40, 40), trim, {"ty": "zz", "s": still(5), "r": still(2), "pt": still(1)}, stroke())
    assert rewritten(document(shape_layer(shapes)))[1] == ["shape.zigzag"]


def test_corners_are_rounded_and_drawn_to_their_centre() -> None:
    square = outline(box(20, 20), 0)
    assert square is not None
    assert len(rounded(square, 5)["v"]) == 8
    assert rounded(square, 5)["v"][:2] == [[5, -10], [10, -5]]
    assert pucker(square, 0.5)["v"][0] == [5, -5]


def test_a_trim_goes_through_painted_groups_as_through_one_line() -> None:
    lines = [{"ty": "sh", "ks": still({"v": [[0, 0], [size, 0]], "i": [[0, 0]] * 2, "o": [[0, 0]] * 2, "c": False})} for size in (30, 10)]
    groups = [group(line, stroke()) for line in lines]
    trim = {"ty": "tm", "s": still(50), "e": still(100), "o": still(0), "m": 2}
    found, _ = rewritten(document(shape_layer(*groups, trim)))
    own = [next(item for item in part["it"] if item["ty"] == "tm") for part in found["layers"][0]["shapes"]]
    assert [(part["o"]["k"], part["e"]["k"]) for part in own] == [(pytest.approx(240), pytest.approx(33.3333)), (0, 100)]


def test_paths_that_leave_out_what_they_share_are_filled_so_and_only_overlaps_are_told() -> None:
    def merged(mode: int, *boxes: Document) -> tuple[Document, list[str]]:
        return rewritten(document(shape_layer(group(*boxes, {"ty": "mm", "mm": mode}, fill()))))

    beside, inside, across = box(10, 10, 30), box(5, 5), box(20, 20, 8)
    assert [merged(mode, box(20, 20), other)[1] for mode in (1, 3, 4) for other in (beside, inside)] == [[]] * 6
    assert merged(3, box(20, 20), across)[1] == ["shape.merge"]
    assert merged(5, box(20, 20), across)[0]["layers"][0]["shapes"][0]["it"][-2]["r"] == 2


def test_the_order_of_names_changes_no_picture(drawn: Any) -> None:
    dashed = {**stroke(8), "d": [{"n": "d", "nm": "", "v": still(9)}, {"n": "g", "nm": "", "v": still(5)}]}
    layers = [
        shape_layer(group(box(60, 60), dashed)),
        shape_layer(group(box(40, 40), fill()), masksProperties=[mask("a", -10, -10, 10, 10, inv=True)], ef=[effect(29, 9, 1, 0)]),
        shape_layer(group(box(9, 9), fill()), ddd=1, ks={"rx": still(40), "ry": still(9), "rz": still(20), "or": still([0, 0, 0])}),
    ]
    found = document(*layers)
    backwards = json.loads(json.dumps(found), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert np.array_equal(drawn(found), drawn(backwards))


def text_layer(**source: Any) -> Document:
    held = {"t": "H", "f": "FiraGO-Regular", "s": 90, "j": 2, "tr": 0, "lh": 100, "ls": 0, **source}
    data = {"d": {"k": [{"s": held, "t": 0}]}, "p": {}, "m": {"g": 1, "a": still([0, 0])}, "a": []}
    layer = {**shape_layer(ks={"p": still([80, 77])}), "ty": 5, "t": data}
    layer.pop("shapes")
    return layer


def test_a_text_without_a_fill_is_empty_and_one_without_a_strokes_colour_has_no_outline(drawn: Any) -> None:
    def colours(**source: Any) -> set[tuple[int, ...]]:
        return {tuple(int(part) for part in pixel) for pixel in drawn(document(text_layer(**source))).reshape(-1, 3)}

    outlined = colours(sc=[0, 0, 1], sw=3)
    assert BLUE in outlined
    assert (0, 0, 0) not in outlined
    assert colours(fc=None, sc=[0, 0, 1], sw=3) == outlined
    assert (0, 0, 0) not in colours(fc=[0, 0, 1], sw=6)


@pytest.mark.parametrize(("marks", "named"), [({"td": 1}, {}), ({"td": 1}, {"tp": 1}), ({}, {"tp": 1})])
def test_a_hidden_matte_masks(drawn: Any, marks: Document, named: Document) -> None:
    matte = shape_layer(group(box(20, 80), fill()), hd=True, **marks)
    picture = drawn(document(matte, shape_layer(group(box(80, 40), fill()), tt=1, **named)))
    assert (at(picture, 80, 45), at(picture, 60, 45)) == (BLUE, WHITE)


def test_an_upload_is_told_of_what_its_scenes_cannot_show(engine: LottieEngine, save: Any, tmp_path: Path) -> None:
    twisted = shape_layer(group(box(9, 9), {"ty": "tw", "a": still(9), "c": still([0, 0])}, fill()))
    many = shape_layer(group(box(1, 1), fill()), repeater(5000, p=still([0, 0])), nm="Many")
    warnings = engine.scan(save(document(twisted, many)), tmp_path / "w").scenes[0].warnings
    assert {(warning.code, warning.element) for warning in warnings} == {("shape.twist", "L"), ("repeater.many", "Many")}


ODD: tuple[Any, ...] = (
    None,
    True,
    -3,
    1e14,
    "x",
    [],
    [None],
    ["x", {}],
    {},
    {"k": None},
    {"k": [{}]},
    {"k": [{"t": 0}, {"t": 1, "s": "x"}]},
)


@pytest.mark.parametrize("name", [name for name, _ in documents() if name not in ("expressions", "texts")])
def test_rewrites_bear_any_type_anywhere(name: str) -> None:
    """Types are checked behind the rewrites, so that each value of each document may be anything before."""
    base = dict(documents())[name]

    def ways(node: Any) -> list[tuple[Any, Any]]:
        found: list[tuple[Any, Any]] = []
        for key, part in list(node.items() if isinstance(node, dict) else enumerate(node)):
            found.append((node, key))
            if isinstance(part, (dict, list)):
                found += ways(part)
        return found

    written, number, changed_any = json.dumps(base), 0, True
    while changed_any:  # one value of each layer at a time, until each value of all was another
        changed = json.loads(written)
        changed_any = False
        lists = [*changed["layers"], *(layer for asset in changed["assets"] for layer in asset.get("layers") or ())]
        for index, layer in enumerate(lists):
            inner = ways(layer)
            if number < len(inner):
                owner, key = inner[number]
                owner[key] = ODD[(number + index) % len(ODD)]
                changed_any = True
        rewrite(load(json.dumps(changed).encode()), Report())
        number += 1
    assert number > 1


def test_half_transparent_groups_in_half_transparent_groups_are_one_picture_each(drawn: Any) -> None:
    pair = group(group(box(40, 40), fill()), group(box(80, 20), fill(0, 1, 0)), o=still(50))
    picture = drawn(document(shape_layer(group(pair, group(box(120, 60), fill(1, 0, 0)), o=still(50)))))
    assert near(at(picture, 80, 45), (191, 127, 191))
    assert near(at(picture, 30, 45), (255, 127, 127))
