"""What expressions give: small documents beside the values that After Effects' manual promises."""

import itertools
import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from node_worker.engines.base import TemplateRefused, Timing
from node_worker.engines.lottie.expressions import bake as baking
from node_worker.engines.lottie.expressions.bake import WHOLE, Moments, bake
from node_worker.engines.lottie.expressions.scanner import guarded, uses_objects
from node_worker.engines.lottie.expressions.survey import may_hold_expressions
from node_worker.engines.lottie.report import Report
from tests.unit.engines.conftest import STILL, Build

Document = dict[str, Any]
Save, Start = Callable[..., Path], Callable[..., Any]
EASE = {"i": {"x": [0.667], "y": [1]}, "o": {"x": [0.333], "y": [0]}}


def still(value: Any, x: str = "") -> Document:
    return {"a": 0, "k": value, **({"x": x} if x else {})}


def keys(*pairs: tuple[float, Any], x: str = "", ease: Document | None = None) -> Document:
    frames = [{"t": t, "s": v if isinstance(v, list) else [v], **(ease or {})} for t, v in pairs]
    return {"a": 1, "k": frames, **({"x": x} if x else {})}


def rt(code: str) -> str:
    """An expression as exporters write it."""
    return f"var $bm_rt;\n$bm_rt = {code};"


def control(name: str, kind: int, value: Any, parameter: str = "") -> Document:
    held = value if isinstance(value, dict) else still(value)
    return {
        "ty": 5,
        "nm": name,
        "mn": "ADBE",
        "ix": 1,
        "en": 1,
        "ef": [{"ty": kind, "nm": parameter or name, "mn": "ADBE-0001", "ix": 1, "v": held}],
    }


def layer(name: str, ind: int = 1, kind: int = 4, **fields: Any) -> Document:
    transform = {**json.loads(json.dumps(STILL)), **fields.pop("ks", {})}
    return {
        "ty": kind,
        "nm": name,
        "ind": ind,
        "ip": 0,
        "op": 60,
        "st": 0,
        "sr": 1,
        "ks": transform,
        **({"shapes": []} if kind == 4 else {}),
        **fields,
    }


def path(*points: list[float], closed: bool = False) -> Document:
    return {"v": list(points), "i": [[0, 0]] * len(points), "o": [[0, 0]] * len(points), "c": closed}


def text_layer(text: str, x: str = "", name: str = "T", ind: int = 1, **style: Any) -> Document:
    source = {"s": 30, "f": "FiraGO-Regular", "t": text, "j": 0, "tr": 0, "lh": 36, "ls": 0, "fc": [0, 0, 0], **style}
    return layer(name, ind, 5, t={"d": {"k": [{"s": source, "t": 0}], **({"x": x} if x else {})}, "p": {}, "m": {}, "a": []})


def baked(*layers: Document, moments: Moments = WHOLE, **fields: Any) -> tuple[Document, Report]:
    document, report = Build.document(*layers, **fields), Report()
    bake(document, report, moments, lambda text: (0.0, -20.0, 10.0 * len(text["t"]), 0.0))
    assert '"x": "' not in json.dumps(document), "the engine sees an expression"
    return document, report


def at(prop: Document, frame: float) -> Any:
    """A baked property's value at a frame, as the engine reads it: lines between keyframes, or held ones."""
    if not (isinstance(prop["k"], list) and prop["k"] and isinstance(prop["k"][0], dict)):
        return prop["k"]
    before = prop["k"][0]
    for key, after in itertools.pairwise(prop["k"]):
        if frame >= after["t"]:
            before = after
        elif frame >= key["t"]:
            if key.get("h"):
                return key["s"]
            part = (frame - key["t"]) / (after["t"] - key["t"])
            return [a + (b - a) * part for a, b in zip(key["s"], after["s"], strict=True)]
    return before["s"]


TURNS = keys((0, 0), (15, 40), (30, 10))
MOVES = keys((0, [0, 0, 0]), (30, [300, 60, 0]))

# The property that is given the expression (of one layer "A" beside a layer "B"), the expression, a frame, and the value.
VALUES: list[tuple[str, Document, int, Any]] = [
    ("a constant", {"r": still(0, rt("50"))}, 7, 50),
    ("time in seconds", {"r": still(0, rt("time * 30"))}, 12, 12),
    ("value", {"r": still(20, rt("$bm_sum(value, 5)"))}, 0, 25),
    ("a text without the exporter's wrapper", {"r": still(20, "var a = 2; value * a")}, 0, 40),
    ("a vector of numbers", {"s": still([100, 100, 100], rt("[value[0] / 2, 30]"))}, 0, [50, 30, 100]),
    ("vectors are added member by member", {"p": still([10, 20, 0], rt("$bm_sum(value, [5, 5])"))}, 0, [15, 25, 0]),
    ("a vector times a number", {"p": still([10, 20, 0], rt("$bm_mul(value, 3)"))}, 0, [30, 60, 0]),
    ("the rest of a division", {"r": still(0, rt("$bm_mod($bm_mul(time, 30), 7)"))}, 23, 2),
    ("opacity keeps its unit", {"o": still(100, rt("transform.opacity"))}, 0, 100),
    ("opacity of another", {"o": still(100, rt("thisComp.layer('B').transform.opacity"))}, 0, 40),
    ("linear with five values", {"o": still(0, rt("linear(time, 0, 2, 0, 100)"))}, 30, 50),
    ("linear is bounded", {"o": still(0, rt("linear(time, 0, 1, 20, 80)"))}, 50, 80),
    ("linear with three values", {"r": still(0, rt("linear(time, 10, 20)"))}, 15, 15),
    ("linear between vectors", {"p": still([0, 0, 0], rt("linear(time, 0, 1, [0, 10], [100, 30])"))}, 15, [50, 20, 0]),
    ("ease is half way in the middle", {"r": still(0, rt("ease(time, 0, 2, 0, 100)"))}, 30, 50),
    ("easeIn begins slowly", {"r": still(0, rt("easeIn(time, 0, 2, 0, 100) < 40 ? 1 : 0"))}, 30, 1),
    ("easeOut ends slowly", {"r": still(0, rt("easeOut(time, 0, 2, 0, 100) > 60 ? 1 : 0"))}, 30, 1),
    ("clamp", {"r": still(150, rt("clamp(value, 0, 100)"))}, 0, 100),
    ("length of a vector", {"r": still(0, rt("length([3, 4])"))}, 0, 5),
    ("distance of two points", {"r": still(0, rt("length([1, 1], [4, 5])"))}, 0, 5),
    ("dot, cross and normalize",
     {"p": still([0, 0, 0], rt("[dot([1, 2], [3, 4]), cross([1, 0, 0], [0, 1, 0])[2] + normalize([0, 9])[1]]"))}, 0, [11, 2, 0]),
    ("degrees", {"r": still(0, rt("radiansToDegrees(degreesToRadians(30))"))}, 0, 30),
    ("colours", {"r": still(0, rt("Math.round(hslToRgb(rgbToHsl([0.25, 0.5, 0.75, 1]))[0] * 100)"))}, 0, 25),
    ("index", {"r": still(0, rt("$bm_mul(index, 10)"))}, 0, 10),
    ("the layer's name", {"r": still(0, rt("name.length + thisLayer.name.length"))}, 0, 2),
    ("in and out", {"r": still(0, rt("inPoint + outPoint"))}, 0, 2),
    ("the composition", {"p": still([0, 0, 0], rt("[thisComp.width, thisComp.height * thisComp.frameDuration * 30]"))}, 0, [320, 180, 0]),
    ("its duration", {"r": still(0, rt("thisComp.duration + thisComp.numLayers"))}, 0, 9),
    ("another layer's property", {"r": still(0, rt("thisComp.layer('B').transform.rotation"))}, 15, 40),
    ("a layer by its number", {"r": still(0, rt("thisComp.layer(2).rotation"))}, 15, 40),
    ("a layer's property by its number", {"r": still(0, rt("thisComp.layer('B')(1)(10)"))}, 15, 40),
    ("a scale by its number", {"s": {**still([50, 70, 100], rt("[thisLayer(1)(6)[0], 30]")), "ix": 6}}, 0, [50, 30, 100]),
    ("a name as exporters write it", {"r": still(0, rt("thisLayer._name.length + thisProperty.propertyGroup(2)._name.length"))}, 0, 2),
    ("the next layer", {"r": still(0, rt("thisComp.layer(thisLayer, 1).rotation"))}, 15, 40),
    ("a property by its name in brackets", {"r": still(0, rt("thisComp.layer('B')('Transform')('Rotation')"))}, 15, 40),
    ("a property by its match name", {"r": still(0, rt("thisComp.layer('B')('ADBE Transform Group')('ADBE Rotate Z')"))}, 15, 40),
    ("valueAtTime of another", {"r": still(0, rt("thisComp.layer('B').transform.rotation.valueAtTime($bm_sub(time, 0.5))"))}, 30, 40),
    ("its own valueAtTime", {"r": {**TURNS, "x": rt("valueAtTime(0.5)")}}, 0, 40),
    ("velocityAtTime", {"r": {**TURNS, "x": rt("velocityAtTime(0.25)")}}, 0, 80),
    ("velocity of a vector", {"p": {**MOVES, "x": rt("velocity")}}, 10, [300, 60, 0]),
    ("speed", {"p": {**MOVES, "x": rt("[speed, 0]")}}, 10, [math.hypot(300, 60), 0, 0]),
    ("numKeys", {"r": {**TURNS, "x": rt("numKeys")}}, 0, 3),
    ("key by number", {"r": {**TURNS, "x": rt("key(2).value + key(3).time")}}, 0, 41),
    ("a key's first member", {"r": {**TURNS, "x": rt("key(2)[0]")}}, 0, 40),
    ("nearestKey", {"r": {**TURNS, "x": rt("nearestKey(time).index")}}, 20, 2),
    ("keys of another property", {"r": still(0, rt("thisComp.layer('B').transform.rotation.key(2).value"))}, 0, 40),
    ("loopOut goes round", {"r": {**TURNS, "x": rt("loopOut()")}}, 45, 40),
    ("loopOut pingpong", {"r": {**TURNS, "x": rt("loopOut('pingpong')")}}, 40, 30),
    ("loopOut offset", {"r": {**TURNS, "x": rt("loopOut('offset')")}}, 45, 50),
    ("loopOut continue", {"r": {**TURNS, "x": rt("loopOut('continue')")}}, 45, -20),
    ("loopOut of the last keys", {"r": {**TURNS, "x": rt("loopOut('cycle', 1)")}}, 50, 30),
    ("loopOut of some seconds", {"r": {**TURNS, "x": rt("loopOutDuration('cycle', 0.5)")}}, 50, 30),
    ("loopIn", {"r": {**keys((30, 0), (45, 30)), "x": rt("loopIn('cycle')")}}, 20, 10),
    ("loopIn pingpong", {"r": {**keys((30, 0), (45, 30)), "x": rt("loopIn('pingpong')")}}, 20, 20),
    ("loopIn offset", {"r": {**keys((30, 0), (45, 30)), "x": rt("loopIn('offset')")}}, 20, -20),
    ("loopIn continue", {"r": {**keys((30, 0), (45, 30)), "x": rt("loopIn('continue')")}}, 20, -20),
    ("smooth of what is still", {"r": still(30, rt("smooth(0.2, 5)"))}, 10, 30),
    ("posterizeTime holds", {"r": still(0, "var $bm_rt;\nposterizeTime(2);\n$bm_rt = time * 10;")}, 25, 5),
    ("posterizeTime holds the value", {"r": {**keys((0, 0), (60, 60)), "x": "var $bm_rt;\nposterizeTime(2);\n$bm_rt = value;"}}, 25, 15),
    ("frames and time", {"r": still(0, rt("timeToFrames(time) + framesToTime(30)"))}, 17, 18),
    ("a slider", {"r": still(0, rt("effect('Size')('Slider')"))}, 0, 7),
    ("a slider by its numbers", {"r": still(0, rt("effect(1)(1)"))}, 0, 7),
    ("a slider's property by its match name", {"r": still(0, rt("effect('Size')('ADBE-0001')"))}, 0, 7),
    ("a slider in a vector", {"p": still([0, 0, 0], rt("[effect('Size')('Slider'), 180]"))}, 0, [7, 180, 0]),
    ("a slider in a text", {"r": still(0, rt("parseFloat(Math.round(effect('Size')('Slider')) + '%')"))}, 0, 7),
    ("a box that is not ticked", {"r": still(0, rt("effect('Off')('Off') ? 20 : 90"))}, 0, 90),
    ("a box that is ticked", {"r": still(0, rt("effect('On')('On') == 1 ? 20 : 90"))}, 0, 20),
    ("not, and, or", {"r": still(0, rt("!effect('Off')('Off') && (effect('Off')('Off') || effect('On')('On')) ? 20 : 90"))}, 0, 20),
    ("a box beside methods", {"r": still(0, rt("thisComp.layer('B').rotation.valueAtTime(0.5) && effect('Off')('Off') ? 20 : 90"))}, 0, 90),
    ("a box in an if beside methods",
     {"r": still(0, "var $bm_rt;\nif (effect('Off')('Off')) { $bm_rt = effect('Size')('Slider').numKeys; } else { $bm_rt = 90; }")}, 0, 90),
    ("a menu",
     {"r": still(0, "var $bm_rt;\nswitch (effect('Menu')('Menu').value) { case 2: $bm_rt = 20; break; default: $bm_rt = 90; }")}, 0, 20),
    ("a slider's own method", {"r": still(0, rt("effect('Moving')('Moving').valueAtTime(1)"))}, 0, 30),
    ("a layer control", {"r": still(0, rt("effect('Layer')('Layer').transform.rotation"))}, 15, 40),
    ("a shape's property", {"r": still(0, rt("thisComp.layer('B').content('g').content('r').size[0]"))}, 0, 200),
    ("a shape's property by brackets", {"r": still(0, rt("thisComp.layer('B')('Contents')('g')('Contents')('r')('Size')[1]"))}, 0, 100),
    ("a shape by number and match name",
     {"r": still(0, rt("thisComp.layer('B')('ADBE Root Vectors Group')(1)('ADBE Vectors Group')(1)('ADBE Vector Rect Size')[0]"))}, 0, 200),
    ("a group's transform", {"p": still([0, 0, 0], rt("thisComp.layer('B').content('g').transform.position"))}, 0, [5, 6, 0]),
    ("toComp", {"p": still([0, 0, 0], rt("thisComp.layer('C').toComp([10, 0])"))}, 0, [100, 70, 0]),
    ("fromComp", {"p": still([0, 0, 0], rt("thisComp.layer('C').fromComp([100, 70])"))}, 0, [10, 0, 0]),
    ("toComp through a parent", {"p": still([0, 0, 0], rt("thisComp.layer('D').toComp([0, 0])"))}, 0, [100, 60, 0]),
    ("a parent", {"r": still(0, rt("thisComp.layer('D').hasParent && thisComp.layer('D').parent.name == 'C' ? 1 : 0"))}, 0, 1),
    ("the room of a shape",
     {"p": still([0, 0, 0], rt("(r = thisComp.layer('B').sourceRectAtTime(0), [r.width, r.top])"))}, 0, [200, -34, 0]),
    ("the room of a text",
     {"p": still([0, 0, 0], rt("(r = thisComp.layer('T').sourceRectAtTime(time, false), [r.width, r.height])"))}, 0, [50, 20, 0]),
    ("a text's letters", {"r": still(0, rt("thisComp.layer('T').text.sourceText.length"))}, 0, 5),
    ("another composition", {"r": still(0, rt("comp('inner').layer('I').transform.rotation"))}, 30, 30),
    ("a name that the language has is its own", {"r": still(3, "var $bm_rt;\nvar scale = 4, time = 2;\n$bm_rt = scale * time;")}, 0, 8),
    ("a name that was not declared", {"r": still(3, "var $bm_rt;\nwidthOfIt = 4;\n$bm_rt = widthOfIt;")}, 0, 4),
    ("eval", {"r": still(0, rt("eval('thisComp.layer(\"B\").transform.rotation')"))}, 15, 40),
    ("a marker", {"r": still(0, rt("thisComp.marker.key(1).time + thisComp.marker.numKeys"))}, 0, 2),
    ("the path's points", {"r": still(0, rt("thisComp.layer('P').content('p').path.points()[1][0]"))}, 0, 100),
    ("a point on a path", {"p": still([0, 0, 0], rt("thisComp.layer('P').content('p').path.pointOnPath(0.25)"))}, 0, [50, 0, 0]),
    ("a direction on a path",
     {"p": still([0, 0, 0], rt("$bm_mul(thisComp.layer('P').content('p').path.tangentOnPath(0.75), 10)"))}, 0, [0, 10, 0]),
    ("a mask", {"r": still(0, rt("thisComp.layer('P').mask('M').maskOpacity"))}, 0, 80),
]  # fmt: skip


def stage(transform: Document) -> tuple[tuple[Document, ...], Document]:
    """The layers and fields of the document in which the table's expressions stand."""
    size = {"ty": "rc", "nm": "r", "s": still([200, 100]), "p": still([0, 10]), "r": still(0)}
    move = {"ty": "tr", **{key: STILL[key] for key in "oras"}, "p": still([5, 6])}
    curve = {"ty": "sh", "nm": "p", "ks": still(path([0, 0], [100, 0], [100, 100]))}
    mask = {"nm": "M", "mode": "a", "pt": still(path([0, 0], [9, 0], [9, 9], closed=True)), "o": still(80), "x": still(0)}
    controls = [
        control("Size", 0, 7, "Slider"), control("Off", 7, 0), control("On", 7, 1), control("Menu", 7, 2),
        control("Layer", 10, 2), control("Moving", 0, keys((0, 0), (60, 60))),
    ]  # fmt: skip
    layers = (
        layer("A", 1, ks=transform, ef=controls),
        layer("B", 2, ks={"r": TURNS, "o": still(40)}, shapes=[{"ty": "gr", "nm": "g", "it": [size, move]}]),
        layer("C", 3, 3, ks={"p": still([100, 50, 0]), "r": still(90), "s": still([200, 200, 100])}),
        layer("D", 4, 3, parent=3, ks={"p": still([5, 0, 0])}),
        layer("P", 5, shapes=[curve], masksProperties=[mask]),
        text_layer("hello", name="T", ind=6),
        layer("Inner", 7, 0, refId="i", w=320, h=180),
    )
    inner = {"id": "i", "nm": "inner", "w": 320, "h": 180, "layers": [layer("I", 1, ks={"r": keys((0, 0), (60, 60))})]}
    return layers, {"assets": [inner], "markers": [{"tm": 30, "cm": "here", "dr": 0}]}


@pytest.mark.parametrize(("what", "transform", "frame", "expected"), VALUES, ids=[one[0] for one in VALUES])
def test_an_expression_gives_what_the_manual_says(what: str, transform: Document, frame: int, expected: Any) -> None:
    layers, fields = stage(json.loads(json.dumps(transform)))
    document, report = baked(*layers, **fields)
    found = at(document["layers"][0]["ks"][next(iter(transform))], frame)
    found = found[0] if isinstance(found, list) and not isinstance(expected, list) else found
    assert found == pytest.approx(expected, abs=0.02), report.warnings
    assert not report.warnings


TEXTS = [
    ("value + '.'", "ab", 20, "ab."),
    ("Math.round(time * 50)", "ab", 30, "50"),
    ("(1234567).toString().replace(/\\B(?=(\\d{3})+(?!\\d))/g, ',')", "ab", 0, "1,234,567"),
    ("'typewriter'.substr(0, Math.floor(time * 5))", "ab", 30, "typew"),
    ("text.sourceText.substr(0, 1) + '\\n' + sourceText.length", "ab", 0, "a\r2"),
    ("thisComp.layer('Other').text.sourceText", "ab", 0, "other"),
    ("thisComp.layer('Other').text.sourceText.value.toUpperCase()", "ab", 0, "OTHER"),
    ("effect('Size')('Slider').value.toFixed(2)", "ab", 0, "7.00"),
    ("value.substr(0, 2)", "a🎬", 0, "a"),
]


@pytest.mark.parametrize(("code", "own", "frame", "expected"), TEXTS)
def test_an_expression_writes_a_text(code: str, own: str, frame: int, expected: str) -> None:
    writing = text_layer(own, rt(code))
    writing["ef"] = [control("Size", 0, 7, "Slider")]
    document, report = baked(writing, text_layer("other", name="Other", ind=2))
    source = document["layers"][0]["t"]["d"]
    assert [key["s"]["t"] for key in source["k"] if key["t"] <= frame][-1] == expected
    assert not report.warnings


def test_a_texts_style_is_set_by_an_expression() -> None:
    code = "text.sourceText.style.setFontSize(60).setFillColor([1, 0, 0]).setText('x' + text.sourceText.style.fontSize)"
    document, report = baked(text_layer("ab", rt(code)))
    style = document["layers"][0]["t"]["d"]["k"][0]["s"]
    assert (style["t"], style["s"], style["fc"], style["f"]) == ("x30", 60, [1, 0, 0], "FiraGO-Regular")
    assert not report.warnings


def test_an_expression_builds_a_path() -> None:
    shape = {"ty": "sh", "nm": "p", "ks": still(path([0, 0], [1, 1]), rt("createPath([[0, 0], [time * 30, 5]], [], [], true)"))}
    copy = {"ty": "sh", "nm": "q", "ks": still(path([0, 0], [1, 1]), rt("content('p').path"))}
    document, _ = baked(layer("A", shapes=[shape, copy]))
    for item in document["layers"][0]["shapes"]:
        found = at({"k": [{**key, "s": key["s"][0]["v"][1]} for key in item["ks"]["k"]]}, 20)
        assert found == pytest.approx([20, 5], abs=0.01)
        assert item["ks"]["k"][0]["s"][0]["c"] is True


def test_a_composition_that_is_shown_twice_is_evaluated_at_the_moments_of_both() -> None:
    def inner() -> Document:
        return {"id": "i", "layers": [layer("I", ks={"r": still(0, rt("time * 30"))})]}

    first, second = layer("1", 1, 0, refId="i", op=20), layer("2", 2, 0, refId="i", ip=40, st=10)
    turn = baked(first, second, assets=[inner()])[0]["assets"][0]["layers"][0]["ks"]["r"]
    assert [at(turn, frame)[0] for frame in (0, 19, 30, 49)] == pytest.approx([0, 19, 30, 49], abs=0.02)
    stretched = layer("1", 1, 0, refId="i", tm=still(0, rt("time * 2")))
    turn = baked(stretched, assets=[inner()], op=30)[0]["assets"][0]["layers"][0]["ks"]["r"]
    assert at(turn, 58)[0] == pytest.approx(58, abs=0.02)


def test_layers_may_wait_for_each_other_in_a_circle_in_whatever_order() -> None:
    def turned(*names: str) -> dict[str, Any]:
        code = {"A": "thisComp.layer('B').rotation + 1", "B": "thisComp.layer('A').rotation + value + time"}
        document, _ = baked(*(layer(name, "AB".index(name) + 1, ks={"r": still(10, rt(code[name]))}) for name in names))
        return {one["nm"]: one["ks"]["r"]["k"] for one in document["layers"]}

    assert turned("A", "B") == turned("B", "A")


def test_chance_is_the_same_in_every_order_and_differs_between_layers() -> None:
    def wiggled(*names: str) -> dict[str, Any]:
        document, report = baked(*(layer(name, ord(name), ks={"p": still([0, 0, 0], rt("wiggle(3, 30)"))}) for name in names))
        assert {warning.code for warning in report.warnings} == {"expression.random"}
        return {one["nm"]: one["ks"]["p"]["k"] for one in document["layers"]}

    one, other = wiggled("A", "B"), wiggled("B", "A")
    assert one == other and one["A"] != one["B"]
    places = np.array([key["s"][:2] for key in one["A"]])
    assert 5 < np.abs(places).max() <= 30.001


def test_a_seed_makes_chance_timeless() -> None:
    code = "var $bm_rt;\nseedRandom(5, true);\n$bm_rt = random(10, 20);"
    document, _ = baked(layer("A", ks={"r": still(0, code)}), layer("B", 2, ks={"r": still(0, code.replace("true", "false"))}))
    steady, lively = (one["ks"]["r"] for one in document["layers"])
    assert steady["a"] == 0 and 10 <= steady["k"] <= 20
    assert len({tuple(key["s"]) for key in lively["k"]}) > 20


def test_values_are_those_of_the_videos_own_frames_and_jumps_stay_sharp() -> None:
    turn = layer("A", ks={"r": still(0, rt("Math.floor(time * 2) * 100 + time"))})
    document, _ = baked(turn, moments=Moments(Fraction(24)))
    found = document["layers"][0]["ks"]["r"]
    for n in range(48):
        assert at(found, n * 30 / 24)[0] == pytest.approx(math.floor(n / 12) * 100 + n / 24, abs=0.003)
    assert at(found, 14.9)[0] == pytest.approx(100.5, abs=0.1) and at(found, 14)[0] == pytest.approx(0.46, abs=0.1)


def test_one_picture_is_evaluated_at_its_moment_alone() -> None:
    document, _ = baked(layer("A", ks={"r": still(0, rt("time * 30"))}), moments=Moments(second=0.4))
    assert document["layers"][0]["ks"]["r"] == {"a": 0, "k": 12}


def test_a_property_anywhere_in_a_layer_is_evaluated() -> None:
    style = {"ty": 1, "c": still([0, 0, 0, 1]), "s": still(3, rt("time * 30"))}
    dash = {"ty": "st", "d": [{"n": "d", "v": still(3, rt("index + 4"))}], "c": still([1, 0, 0, 1]), "w": still(2), "o": still(100)}
    document, report = baked(layer("A", sy=[style], shapes=[dash], ks={"p": {"s": True, "x": still(0, rt("7")), "y": still(8)}}))
    found = document["layers"][0]
    assert at(found["sy"][0]["s"], 10)[0] == pytest.approx(10, abs=0.01)
    assert (found["shapes"][0]["d"][0]["v"]["k"], found["ks"]["p"]["x"]["k"], report.warnings) == (5, 7, ())


def test_what_nobody_sees_is_not_evaluated() -> None:
    slider = control("S", 0, still(3, rt("time")))
    document, report = baked(
        layer("A", ef=[slider], ks={"r": still(0, rt("effect('S')('S')"))}), layer("H", 2, hd=True, ks={"r": still(7, rt("nothing()"))})
    )
    assert document["layers"][0]["ef"][0]["ef"][0]["v"] == {"a": 0, "k": 3}
    assert at(document["layers"][0]["ks"]["r"], 30)[0] == pytest.approx(1, abs=0.001)
    assert document["layers"][1]["ks"]["r"]["k"] == 7 and not report.warnings


HOARD = "for (;; n++) a.push('x'.repeat(1e6) + n);"
FAULTS = [
    ("thisComp.layer('No').transform.rotation", "expression.failed", "'No'|no layer No"),
    ("nothing", "expression.failed", "nothing"),
    ("effect('No')('No')", "expression.failed", "no effect No"),
    ("undefined", "expression.failed", "undefined"),
    ("1 / 0", "expression.failed", "Infinity"),
    ("[time, ", "expression.failed", "Rotation"),
    ("footage('a.json').sourceText", "expression.footage", "footage"),
    ("sampleImage([0, 0])[0]", "expression.sampleImage", "sampleImage"),
    ("thisComp.activeCamera.position", "expression.camera", "camera"),
    ("new Date().getTime()", "expression.clock", "clock"),
    ("(function () { while (true) { try { throw 1; } catch (e) {} } })()", "expression.endless", "loop"),
    ("(function () { for (;;) {} })()", "expression.endless", "loop"),
    ("(function f() { return f(); })()", "expression.failed", "stack"),
    ("new Array(1e9).fill(1).length", "expression.failed", "memory|length"),
    (f"(function () {{ var n = 0, a = []; try {{ {HOARD} }} catch (e) {{}} return n; }})()", "expression.failed", "memory"),
    (f"(function () {{ var n = 0, a = []; try {{ {HOARD} }} catch {{}} finally {{ return n; }} }})()", "expression.failed", "memory"),
    ("(function f(n) { try { return f(n + 1); } catch (e) { return n; } })(0)", "expression.failed", "stack"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "told", "words"), FAULTS)
def test_an_expression_that_cannot_be_followed_keeps_the_value_and_says_where(code: str, told: str, words: str) -> None:
    document, report = baked(layer("Wheel", ks={"r": still(33, rt(code))}), layer("Other", 2, ks={"r": still(0, rt("5"))}))
    assert at(document["layers"][0]["ks"]["r"], 10) == 33 and document["layers"][1]["ks"]["r"]["k"] == 5
    (warning,) = report.warnings
    assert (warning.code, warning.element) == (told, "Wheel") and "Rotation" in warning.detail
    assert any(word in warning.detail for word in words.split("|")), warning.detail


def test_what_an_expression_changes_is_gone_with_its_evaluation() -> None:
    assigned = "Math.floor = 3; Array.prototype.map = 3; thisLayer.foo = 3; globalThis.left = 1; left2 = 1;"
    assigned += "arguments[0].time = 3; thisLayer.effect = 3; Object.getOwnPropertySymbols(thisLayer);"
    changing = f"var $bm_rt;\ntry {{ {assigned} }} catch (e) {{}}\n$bm_rt = 1;"
    reading = rt("(typeof left + typeof left2 + typeof thisComp.layer('A').foo + Math.floor(2.5)).length")
    document, report = baked(layer("A", ks={"r": still(0, changing)}), layer("B", 2, ks={"r": still(0, reading)}))
    assert document["layers"][1]["ks"]["r"]["k"] == len("undefined" * 3 + "2") and not report.warnings


@pytest.mark.parametrize(
    "what",
    [
        *("[].values()", "''[Symbol.iterator]()", "new Map().entries()", "new Set().entries()", "''.matchAll(/a/g)"),
        *("[].values().map(one => one)", "[].values().constructor", "[].values().constructor.from({ next() {} })", "new Error()", "/a/"),
        *("(function* () {})", "(async function* () {})", "(async () => {})()", "(() => 1)", "0n", "Symbol()", "true"),
        *("wiggle", "thisLayer.effect", "$n", "$t", "$f", "$s", "$s.time"),
    ],
)
def test_nothing_that_an_expression_reaches_keeps_anything_for_the_next(what: str) -> None:
    look = "if (o.kept) $bm_rt = 1; o.kept = 1;"
    note = f"var $bm_rt;\n$bm_rt = 0;\nfor (var o = {what}; o; o = Object.getPrototypeOf(o)) {{ {look} }}"
    document, report = baked(layer("A", ks={"r": still(0, note)}), layer("B", 2, ks={"r": still(0, note)}))
    assert document["layers"][1]["ks"]["r"]["k"] == 0 and not report.warnings


@pytest.mark.parametrize("name", ["stackTraceLimit", "prepareStackTrace"])
def test_what_is_set_through_functions_keeps_nothing_either(name: str) -> None:
    note = rt(f"[typeof Error.{name}, Error.{name} = x => 7][0].length")
    document, _ = baked(layer("A", ks={"r": still(0, note)}), layer("B", 2, ks={"r": still(0, note)}))
    assert document["layers"][1]["ks"]["r"]["k"] == len("undefined")


def test_too_many_evaluations_are_thinned_out_by_their_count_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baking, "_BUDGET", 40)
    document, report = baked(layer("A", ks={"r": still(0, rt("time * 30"))}), layer("B", 2, ks={"r": still(0, rt("time * 60"))}))
    assert [warning.code for warning in report.warnings] == ["expression.coarse"]
    assert [at(one["ks"]["r"], 40)[0] for one in document["layers"]] == pytest.approx([40, 80], abs=0.1)


def test_long_work_gives_signs_of_life() -> None:
    signs = []
    document = Build.document(*(layer(name, op=1500, ks={"r": still(0, rt("time"))}) for name in "ABCD"), op=1500)
    bake(document, Report(), WHOLE, alive=lambda: signs.append(1))
    assert len(signs) >= 5


def test_an_expression_that_no_count_can_stop_refuses_the_scene_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baking, "_PATIENCE", 0.2)
    with pytest.raises(TemplateRefused) as caught:
        baked(layer("Wheel", ks={"r": still(0, rt("/(x+x+)+y/.test('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')"))}))
    assert caught.value.code == "lottie.expression_endless" and "Wheel" in caught.value.detail and "Rotation" in caught.value.detail


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("if (a.key(1)) b", "if ($t(a.key(1))) b"),
        ("x = a && b.name || !c(1)[2]", "x = $t(a) && $t(b.name) || !$t(c(1)[2])"),
        ("x = a == 1 ? b : c", "x = $t(a == 1) ? b : c"),
        ("f(a, b ? 1 : 2)", "f(a, $t(b) ? 1 : 2)"),
        ("return a || /[/)]/.test(b)", "return $t(a) || /[/)]/.test(b)"),
        ("while (i < 3) i++", "while ($n()&&$t(i < 3)) i++"),
        ("for (i = 0; i < 3; i++) b(';')", "for (i = 0; $n()&&$t(i < 3); i++) b(';')"),
        ("for (;;) {}", "for (;$n();) {}"),
        ("for (k in a) {}", "for (k in a) {}"),
        ("if (a) b && c", "if ($t(a)) $t(b) && c"),
        ("'a && b' // c && d", "'a && b' // c && d"),
        ("a && ')", "a && ')"),
        ("try { f() } catch (e) { g(e) }", "try { f() } catch (e) {$f(e); g(e) }"),
        ("try { f() } catch { g() }", "try { f() } catch($e) {$f($e); g() }"),
        ("a.catch(b)", "a.catch(b)"),
    ],
)
def test_conditions_and_loops_are_guarded(text: str, expected: str) -> None:
    assert guarded(text, objects=True) == expected


def test_only_an_expression_with_methods_of_others_is_given_objects() -> None:
    assert uses_objects("effect('a')('b').valueAtTime(1)")
    assert not uses_objects("thisProperty.numKeys + effect('a')('b') + loopOut()")


def test_a_document_without_expressions_is_told_by_its_bytes() -> None:
    assert may_hold_expressions(b'{"k": 1, "x": "time"}') and may_hold_expressions(b'{"\\u0078" :"a"}')
    assert not may_hold_expressions(b'{"i": {"x": [0.8]}, "nm": "x"}')


def test_a_persons_text_takes_the_place_of_a_texts_expression_unless_that_reads_it(
    build: Any, save: Save, scene: Start, picture_of: Start
) -> None:
    def shown(code: str, name: str, **values: Any) -> Any:
        writing = build.text("T", "ab")
        writing["t"]["d"]["x"] = code
        return picture_of(scene(save(build.document(writing), name), **values))

    wanted = picture_of(scene(save(build.document(build.text("T", "given!")), "0")))
    assert np.array_equal(shown(rt("value + '!'"), "1", texts={"T": "given"}), wanted)
    assert np.array_equal(shown(rt("'typed'"), "2", texts={"T": "given!"}), wanted)
    assert not np.array_equal(shown(rt("'typed'"), "2"), wanted)


def test_frames_are_the_same_bytes_in_every_order_and_engine(build: Any, save: Save, scene: Start, picture_of: Start) -> None:
    moving = build.rectangle("A", [1, 0, 0, 1])
    moving["ks"] = {**STILL, "p": still([0, 0, 0], rt("wiggle(3, 90)")), "r": keys((0, 0), (15, 30), x=rt("loopOut('offset')"))}
    file = save(build.document(moving, build.text("T", "ab") | {"ks": STILL}))
    first, second = scene(file), scene(file)
    frames = [n / 30 for n in range(0, 60, 7)]
    forward = {second_: picture_of(first, second_) for second_ in frames}
    assert all(np.array_equal(picture_of(second, one), forward[one]) for one in reversed(frames))
    assert first.computed and not np.array_equal(forward[0.0], forward[frames[3]])
    alone = scene(file, timing=Timing(second=frames[3]))
    assert np.abs(picture_of(alone, frames[3]).astype(int) - forward[frames[3]]).max() <= 2


def test_a_hoses_line_follows_the_line_with_its_place_and_its_numbers() -> None:
    """RubberHose's rigs copy each number of one group's shapes into another's, by the places of shapes and the numbers of properties."""
    same = rt("thisLayer(2)('Admin')(2)('Math')(2)(thisProperty.propertyGroup(1).propertyIndex)(thisProperty.propertyIndex)")
    move = rt("content('Admin').content('Math')('ADBE Vector Transform Group')(thisProperty.propertyIndex)")

    def numbered(ix: int, value: Any, x: str = "") -> Document:
        return {**still(value, x), "ix": ix}

    def line(x: str, turned: str, *numbers: float) -> Document:
        outer, inner, points, round_, start, end, turn = numbers
        star = {"ty": "sr", "nm": "Line", "sy": 1, "d": 1, "p": still([0, 0]), "r": still(0)}
        star |= {"or": numbered(7, outer, x), "is": numbered(8, inner, x), "pt": numbered(3, points, x), "os": numbered(9, round_, x)}
        trim = {"ty": "tm", "nm": "Half", "m": 1, "s": numbered(1, start, x), "e": numbered(2, end, x), "o": still(0)}
        tr = {"ty": "tr", "a": numbered(1, [0, 0]), "p": numbered(2, [0, 0]), "r": numbered(6, turn, turned), "o": numbered(7, 100)}
        return {"ty": "gr", "nm": "Arc" if x else "Math", "it": [star, trim, tr]}

    admin = {"ty": "gr", "nm": "Admin", "it": [line("", "", 200, 90, 4, 5, 1, 25, 45), {"ty": "tr"}]}
    document, report = baked(layer("A", shapes=[line(same, move, 0, 0, 0, 0, 0, 0, 0), admin]))
    star, trim, turn = document["layers"][0]["shapes"][0]["it"]
    assert [star[key]["k"] for key in ("or", "is", "pt", "os")] == [200, 90, 4, 5]
    assert [trim[key]["k"] for key in ("s", "e")] == [1, 25]
    assert (turn["r"]["k"], report.warnings) == (45, ())


def test_a_picture_is_not_reused_for_a_moment_at_which_other_layers_are_there() -> None:
    def both() -> Document:
        early, late = (layer(name, n, ks={"o": still(100, rt("0"))}, ip=30 * n - 30, op=30 * n) for n, name in ((1, "A"), (2, "B")))
        return Build.document(early, late)

    first, whole = both(), both()
    assert bake(first, Report(), Moments(second=0.1)), "it serves this moment alone"
    assert [one["ks"]["o"]["k"] for one in first["layers"]] == [0, 100]
    assert not bake(whole, Report(), WHOLE), "it serves any"
    assert [one["ks"]["o"]["k"] for one in whole["layers"]] == [0, 0]
