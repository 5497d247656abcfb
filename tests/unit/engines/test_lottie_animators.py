"""Letters move one by one as their selectors say, and stand along paths: checked by the places that are written for the engine."""

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.expressions.bake import WHOLE, bake
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.structure import settle
from node_worker.engines.lottie.text.along import keep_paths
from node_worker.engines.lottie.text.fonts import Library
from node_worker.engines.lottie.text.layers import shape_texts
from node_worker.engines.lottie.text.selectors import spell_out

Document = dict[str, Any]
UP = {"p": {"a": 0, "k": [0, -40, 0]}}
TYPED = {"a": 1, "k": [{"t": 0, "s": [0], "i": {"x": [1], "y": [1]}, "o": {"x": [0], "y": [0]}}, {"t": 40, "s": [100]}]}


def animator(style: Document, **selector: Any) -> Document:
    return {
        "s": {"t": 0, "b": 1, "sh": 1, "r": 1, **{k: v if k in "btrx" or k in ("sh", "rn") else _prop(v) for k, v in selector.items()}},
        "a": style,
    }


def _prop(value: Any) -> Any:
    return value if isinstance(value, dict) else {"a": 0, "k": value}


def moved(build: Any, text: str, *animators: Document, grouping: Document | None = None, **fields: Any) -> Document:
    layer: Document = build.text("title", text, f="FiraGO-Regular", **fields)
    layer["t"]["a"] = list(animators)
    layer["t"]["m"] = grouping or layer["t"]["m"]
    return layer


def shaped(build: Any, layer: Document) -> tuple[list[Document], list[str]]:
    """The layer's groups in reading order, and the codes of what was told; the document passes the engine's checks."""
    font = {"fName": "FiraGO-Regular", "fFamily": "FiraGO", "fStyle": "Regular", "ascent": 75}
    document = build.document(layer, fonts={"list": [font]})
    keep_paths(document)
    warnings = shape_texts(document, Library((), ()))
    settle(document, shaped=True)
    return layer.get("shapes", [])[::-1], [warning.code for warning in warnings]


def value(group: Document, name: str, frame: float = 0.0) -> list[float]:
    return sampling.numbers(group["it"][-1][name], frame)


def lifts(groups: list[Document], frame: float = 0.0) -> list[float]:
    return [round(value(group, "p", frame)[1], 2) for group in groups]


def test_a_selector_counts_words_lines_and_letters_without_blanks(build: Any) -> None:
    words, _ = shaped(build, moved(build, "One two six", animator(UP, b=3, e=50)))
    assert lifts(words) == [-40] * 3 + [-20] * 3 + [0] * 3
    lines, _ = shaped(build, moved(build, "ab\rcd\ref", animator(UP, b=4, e=50)))
    assert lifts(lines) == [-40, -40, 36 - 20, 36 - 20, 72, 72]
    solid, _ = shaped(build, moved(build, "a b c d", animator(UP, b=2, e=50)))
    assert lifts(solid) == [-40, -40, 0, 0]
    all_letters, _ = shaped(build, moved(build, "a b c d", animator(UP, b=1, e=4, r=2)))
    assert lifts(all_letters) == [-40, -40, 0, 0]


def test_a_range_is_the_same_from_either_end_and_is_moved_by_its_offset(build: Any) -> None:
    there, back = (shaped(build, moved(build, "abcde", animator(UP, s=s, e=e)))[0] for s, e in ((0, 60), (60, 0)))
    assert lifts(there) == lifts(back) == [-40, -40, -40, 0, 0]
    assert lifts(shaped(build, moved(build, "abcde", animator(UP, s=0, e=40, o=40)))[0]) == [0, 0, -40, -40, 0]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (2, [0.125, 0.375, 0.625, 0.875]),
        (3, [0.875, 0.625, 0.375, 0.125]),
        (4, [0.25, 0.75, 0.75, 0.25]),
        (5, [0.66, 0.97, 0.97, 0.66]),
        (6, [0.15, 0.85, 0.85, 0.15]),
    ],
)
def test_a_range_has_the_shape_that_it_names(build: Any, shape: int, expected: list[float]) -> None:
    assert lifts(shaped(build, moved(build, "abcd", animator(UP, sh=shape)))[0]) == pytest.approx([-40 * one for one in expected], abs=0.3)


def test_letters_typed_one_by_one_jump_where_the_range_has_no_smoothness(build: Any) -> None:
    groups, _ = shaped(build, moved(build, "abcd", animator({"o": _prop(0)}, s=TYPED, sm=0)))
    for frame in (0.0, 7.0, 14.0, 22.0, 30.0, 39.0):
        shown = [value(group, "o", frame)[0] for group in groups]
        assert set(shown) <= {0.0, 100.0}
        assert shown.count(100.0) == (frame + 5) // 10


def test_a_grouping_turns_a_word_around_its_own_middle(build: Any) -> None:
    turn = animator({"r": _prop(90)})
    for grouping, distinct in (({"g": 1, "a": _prop([0, 0])}, 4), ({"g": 2, "a": _prop([0, 0])}, 2), ({"g": 4, "a": _prop([0, 0])}, 1)):
        groups, _ = shaped(build, moved(build, "ab cd", turn, grouping=grouping))
        assert len({round(value(group, "p")[0], 2) for group in groups}) == distinct


def test_tracking_grows_a_line_from_its_anchor(build: Any) -> None:
    for justify, share in ((0, 0.0), (1, 1.0), (2, 0.5)):
        still, grown = (
            [value(group, "p")[0] for group in shaped(build, moved(build, "abcd", animator({"t": _prop(t)}), j=justify))[0]]
            for t in (0, 10)
        )
        assert np.subtract(grown, still) == pytest.approx([n * 10 - share * 30 for n in range(4)], abs=0.01)


def test_animators_add_up_and_a_later_opacity_takes_the_place_of_an_earlier(build: Any) -> None:
    groups, _ = shaped(build, moved(build, "ab", animator({**UP, "o": _prop(0)}), animator({**UP, "o": _prop(100)}, e=50)))
    assert lifts(groups) == [-80, -40]
    assert [value(group, "o")[0] for group in groups] == [100, 0]


def test_colours_and_strokes_change_by_letter(build: Any) -> None:
    style = {"fc": _prop([1, 0, 0]), "sc": _prop([0, 0, 1]), "sw": _prop(4)}
    first, second = shaped(build, moved(build, "ab", animator(style, e=50), fc=[0, 1, 0]))[0]
    paints = [{item["ty"]: item for item in group["it"] if item["ty"] in ("fl", "st")} for group in (first, second)]
    assert [paint["fl"]["c"]["k"] for paint in paints] == [[1, 0, 0], [0, 1, 0]]
    assert [paint["st"]["w"]["k"] for paint in paints] == [4, 0]
    no_fill, _ = shaped(build, moved(build, "a", animator(UP), fc=None, sc=[1, 0, 0], sw=2))
    assert [item["ty"] for item in no_fill[0]["it"] if item["ty"] in ("fl", "st")] == ["st"]
    under, _ = shaped(build, moved(build, "a", animator(UP), sc=[1, 0, 0], sw=2, of=False))
    assert [item["ty"] for item in under[0]["it"] if item["ty"] in ("fl", "st")] == ["fl", "st"]


def test_a_right_to_left_text_is_counted_in_reading_order_and_joined_letters_move_as_one(build: Any) -> None:
    groups, _ = shaped(build, moved(build, "سلام دنیا", animator(UP, b=3, e=50)))
    assert len(groups) == 7
    assert lifts(groups) == [-40] * 3 + [0] * 4
    places = [value(group, "p")[0] for group in groups]
    assert places == sorted(places, reverse=True)


def test_a_random_order_is_one_and_the_same_in_every_preparation(build: Any) -> None:
    first, codes = shaped(build, moved(build, "abcdefgh", animator(UP, e=50, rn=1)))
    assert codes == ["text.random_order"]
    assert sorted(lifts(first)) == [-40] * 4 + [0] * 4 != lifts(first)
    assert lifts(shaped(build, moved(build, "abcdefgh", animator(UP, e=50, rn=1)))[0]) == lifts(first)


def test_texts_that_follow_each_other_have_letters_of_their_own(build: Any) -> None:
    layer = moved(build, "ab", animator(UP))
    later = copy.deepcopy(layer["t"]["d"]["k"][0])
    later["s"]["t"], later["t"] = "xyz", 20
    layer["t"]["d"]["k"].append(later)
    (one, other), _ = shaped(build, layer)[0][::-1], None
    assert [len(one["it"]), len(other["it"])] == [3, 4]
    assert [[value(part, "o", frame)[0] for frame in (0, 19, 20, 50)] for part in (one, other)] == [[100, 100, 0, 0], [0, 0, 100, 100]]


def path(points: list[list[float]], **fields: Any) -> Document:
    still = [[0, 0] for _ in points]
    return {"mode": "n", "inv": False, "o": _prop(100), "pt": {"a": 0, "k": {"v": points, "i": still, "o": still, "c": False, **fields}}}


def followed(build: Any, text: str, mask: Document, *animators: Document, **options: Any) -> tuple[list[Document], list[str]]:
    layer = moved(build, text, *animators)
    layer["t"]["p"] = {"m": 0, **{name: _prop(options.get(name, default)) for name, default in zip("falpr", (0, 0, 0, 1, 0), strict=True)}}
    layer["masksProperties"] = [mask]
    return shaped(build, layer)


def test_a_text_stands_along_its_path_as_evenly_as_on_a_line(build: Any) -> None:
    line = [value(group, "p")[0] for group in shaped(build, moved(build, "path", animator(UP, a=0)))[0]]
    down, codes = followed(build, "path", path([[50, 10], [50, 300]]), f=20)
    assert codes == []
    assert [value(group, "p")[0] for group in down] == pytest.approx([50] * 4)
    assert [value(group, "p")[1] for group in down] == pytest.approx([30 + x for x in line], abs=0.01)
    assert {value(group, "r")[0] for group in down} == {90}
    up, _ = followed(build, "path", path([[50, 10], [50, 300]]), r=1, p=0)
    assert [value(group, "p")[1] for group in up] == pytest.approx([300 - x for x in line], abs=0.01)
    assert {value(group, "r")[0] for group in up} == {0}


def test_a_path_may_spread_its_text_be_closed_and_be_left_across(build: Any) -> None:
    spread, _ = followed(build, "nnnnn", path([[0, 0], [200, 0]]), a=1)
    gaps = np.diff([value(group, "p")[0] for group in spread])
    assert gaps == pytest.approx([gaps[0]] * 4, abs=0.01)
    square, _ = followed(build, "n", path([[0, 0], [100, 0], [100, 100], [0, 100]], c=True), f=400)
    assert value(square[0], "p")[1] == pytest.approx(0, abs=0.01)
    across, _ = followed(build, "n", path([[0, 0], [0, 100]]), animator(UP))
    assert value(across[0], "p")[0] == pytest.approx(40)


def test_a_path_that_is_broken_at_some_moments_keeps_its_last_shape(build: Any) -> None:
    mask = path([[50, 10], [50, 300]])
    keys = [{"t": 0, "s": [mask["pt"]["k"]]}, {"t": 10, "s": [{"v": None}]}, {"t": 20, "s": ["x"]}]
    layer = moved(build, "ab")
    layer["t"]["p"], layer["masksProperties"] = {"m": 0, "f": TYPED}, [{**mask, "pt": {"a": 1, "k": keys}}]
    document = build.document(layer)
    keep_paths(document)
    shape_texts(document, Library((), ()))
    assert {round(value(group, "p", frame)[0]) for group in layer["shapes"] for frame in (0, 5, 10, 15, 20)} == {50}


def test_a_path_that_is_not_there_is_told_and_the_text_drawn_straight(build: Any) -> None:
    layer = moved(build, "ab")
    layer["t"]["p"] = {"m": 3, "f": _prop(0)}
    assert shaped(build, layer) == ([], ["text.path"])
    assert layer["ty"] == 5
    assert "m" not in layer["t"]["p"]


def test_what_is_not_drawn_is_told_at_the_layer(build: Any) -> None:
    assert shaped(build, moved(build, "ab", animator({"bl": _prop([9, 9])})))[1] == ["text.animator_blur"]
    assert shaped(build, moved(build, "ab", animator(UP, t=1)))[1] == ["text.animator_selector"]
    assert shaped(build, moved(build, "ab " * 2000, animator(UP)))[1] == ["text.animator_heavy"]


def test_a_text_of_very_many_moments_is_written_within_bounds(build: Any) -> None:
    layer = moved(
        build,
        "abcdefghij" * 20,
        animator(UP, s={"a": 1, "k": [{"t": 0, "s": [0]}, {"t": 200_000, "s": [100]}]}),
    )
    layer["op"] = 200_000
    groups, codes = shaped(build, layer)
    frames = sum(len(prop["k"]) for group in groups for prop in group["it"][-1].values() if isinstance(prop, dict) and prop["a"])
    assert codes == []
    assert frames < 130_000


def test_fields_of_odd_types_are_never_an_error_of_ours(build: Any) -> None:
    chance = random.Random(5)
    odd: list[Any] = [
        None,
        True,
        "x",
        [],
        {},
        [None],
        [[]],
        -1,
        1e14,
        [1e9, -5],
        {"k": None},
        {"k": [{"t": 1}]},
        {"k": [{"t": "x"}, 3]},
        {"a": 1, "k": [{"t": 0, "s": [1]}, {"t": 0}]},
    ]
    for _ in range(150):
        style = {
            name: chance.choice([*odd, _prop(30), TYPED])
            for name in chance.sample(
                ["p", "s", "a", "o", "r", "rx", "ry", "sk", "sa", "t", "ls", "fc", "sc", "sw", "fo", "so", "fh", "fs", "fb"], 6
            )
        }
        selector = {
            name: chance.choice([*odd, 2, TYPED])
            for name in chance.sample(["t", "b", "sh", "r", "rn", "s", "e", "o", "a", "xe", "ne", "sm"], 5)
        }
        layer = moved(build, "ab\rc d", {"s": chance.choice([selector, [selector, 3], selector]), "a": style})
        layer["t"]["m"] = chance.choice([{"g": chance.choice(odd), "a": chance.choice(odd)}, None, []])
        layer["t"]["p"] = {"m": chance.choice([*odd, 0]), **{name: chance.choice(odd) for name in "falpr"}}
        points = chance.choice([[[0, 0], [9, 9]], [[0, 0], [0, 0]], [[0, "x"], [1, 1]], [[1, 2]], None])
        layer["masksProperties"] = [chance.choice([path(points or []), *odd])]
        layer["ip"], layer["op"] = chance.choice([0, "x", None, 1e12]), chance.choice([60, "x", None, 1e12])
        document = build.document(layer)
        keep_paths(document)
        shape_texts(document, Library((), ()))


def test_an_expression_selector_is_evaluated_for_each_letter(build: Any) -> None:
    share = "var $bm_rt;\n$bm_rt = textIndex / textTotal * selectorValue;"
    layer = moved(build, "ab cd", animator({**UP, "r": _prop(90)}, t=1, b=2, x=share))
    document = build.document(layer)
    spell_out(document)
    report = Report()
    bake(document, report, WHOLE)
    groups, codes = shaped(build, layer)
    assert lifts(groups) == [-10, -20, -30, -40]
    assert [value(group, "r")[0] for group in groups] == [22.5, 45, 67.5, 90]
    assert (codes, report.warnings) == ([], ())
    by_word = moved(build, "ab cd", animator(UP, t=1, b=3, x="[0, time * 100 * (textIndex - 1), 0]"))
    document = build.document(by_word)
    spell_out(document)
    bake(document, report, WHOLE)
    assert lifts(shaped(build, by_word)[0], 15.0) == pytest.approx([0, 0, -20, -20], abs=0.1)


def test_half_the_words_of_a_title_are_seen_in_the_film(
    build: Any, save: Callable[..., Path], scene: Callable[..., Any], picture_of: Callable[..., Any]
) -> None:
    layer = moved(build, "one two", animator({"o": _prop(0)}, b=3, e=50))
    dark = (picture_of(scene(save(build.document(layer))))[..., :3] < 128).any(axis=2)
    whole = (picture_of(scene(save(build.document(moved(build, "one two")), "other")))[..., :3] < 128).any(axis=2)
    half = int(np.flatnonzero(whole.any(axis=0)).mean())
    assert not dark[:, : half - 5].any()
    assert (dark[:, half + 5 :] == whole[:, half + 5 :]).mean() > 0.995
