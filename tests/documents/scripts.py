"""Expressions to be put into a document: every kind that templates use, and every kind of wrong one; and changes of those that are there."""
# ruff: noqa: E501 (lists of code)

import random
import re
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
Place = tuple[Any, Any]  # what holds a value, and its key or index there
Choose = Callable[..., Place | None]

WRONG = (
    "null", "undefined", "'a'", "[1]", "[]", "NaN", "1/0", "-1e300", "true", "[value, value]", "[[1, 2], [3]]", "{}", "() => 1", "Symbol('a')", "10n ** 400n", "new Date()",
    "thisComp.layer(99).transform.position", "effect('no')('no')", "thisLayer.content('no').path", "comp('inner').layer(1)", "thisProperty.propertyGroup(3)",
    "value.x.y.z", "(function f(n) { return n > 60 ? n : f(n + 1); })(0)", "throwing(", "key(0)", "key(99).time", "thisComp.layer('')", "thisLayer.sourceText.text.length",
)  # fmt: skip
HOSTILE = (
    "while (true) {}", "for (;;) value", "(function f() { return f(); })()", "'a'.repeat(1e9)", "new Array(1e9).fill(0)", "var a = []; while (true) a.push(a.slice())",
    "/(a+)+$/.test('a'.repeat(40) + 'b')", "JSON.parse('['.repeat(1e6))", "Object.prototype.x = 1, Array.prototype.map = null, value", "globalThis.value = 7, value",
    "Math.random = null, value", "this.constructor.constructor('return this')()", "eval('while (true) {}')", "new Function('return 1')()", "import('os')", "std.exit(0)", "os.exec(['ls'])",
    "thisLayer.__proto__ = null, value", "Object.freeze(thisComp), value", "Object.defineProperty(thisLayer, 'index', { get() { throw 1; } }), index", "new Proxy(value, {})", "(function* () { yield 1; })()",
    "Promise.resolve(1)", "async function f() {} f()", "new WeakRef(thisLayer)", "new SharedArrayBuffer(1e8)", "Array.from({ length: 1e7 }, Math.sin)", "[...Array(1e6)].sort(() => Math.random() - 0.5)",
    "parent.parent.parent.parent", "\\u0000", "`${value", "/*", "'\ud800'", "'\\ud800'", "a = b = c = d", "label: for (;;) { continue label; }",
)  # fmt: skip
LANGUAGE = (
    "value", "time * 90", "[time * 20, 40]", "loopOut('cycle')", "loopOut('pingpong')", "loopOut('offset', 1)", "loopOut('continue')", "loopIn('pingpong', 3)", "loopOut('cycle', -5)", "loopOutDuration('cycle', 0)", "loopInDuration('offset', 1e9)",
    "wiggle(3, 30)", "wiggle(1e9, 1e9, 1e3)", "wiggle(-1, NaN)", "temporalWiggle(2, 5, 3)", "random()", "random([0, 0], [9, 9])", "gaussRandom()", "noise([time, 1, 2])", "seedRandom(1e300, true), random(9)",
    "valueAtTime(time - 1)", "valueAtTime(1e300)", "valueAtTime(NaN)", "velocityAtTime(time)", "speedAtTime(-1)", "velocity", "speed", "smooth(0.2, 1e9)", "posterizeTime(0), value", "posterizeTime(1e9), value", "posterizeTime(-2), time",
    "key(1).time", "nearestKey(time).index", "key(numKeys)[0]", "numKeys", "thisComp.duration / thisComp.frameDuration", "thisComp.width / thisComp.height", "thisComp.numLayers", "index", "thisLayer.inPoint - outPoint", "thisComp.layer(index - 1).index",
    "linear(time, 0, 1, 0, 100)", "ease(time, 1, 0, [0, 0], [9, 9])", "easeIn(time, 0, 0, 1, 2)", "easeOut(NaN, 0, 1, 1, 2)", "clamp(value, 9, 0)", "clamp(value, 0, 100)", "length([3, 4])", "length([1, 2], [3])", "normalize([0, 0])", "cross([1, 2, 3], [4, 5, 6])", "dot([1], [2, 3])",
    "degreesToRadians(time)", "rgbToHsl([1, 0, 0, 1])", "hslToRgb([2, -1, 0.5, 1])", "hexToRgb('#fa0')", "lookAt([0, 0, 0], [1, 1, 1])", "add([1, 2], [3])", "$bm_mul(value, 2)", "$bm_div(value, 0)", "$bm_sum('a', 1)", "$bm_neg([1, 2])", "$bm_mod(5, 0)",
    "toComp([0, 0])", "fromComp([0, 0, 0])", "toWorld(anchorPoint)", "thisComp.layer(1).toComp([1e30, -1e30])", "thisComp.layer('other').transform.rotation", "thisComp.layer(1).transform.position + [1, 1]", "thisComp.layer(index).transform.opacity", "transform.scale[0]",
    "effect('amount')('value') * 2", "effect(1)(1)", "thisLayer('Effects')('amount')(1)", "thisComp.layer('other').effect('amount')('value').valueAtTime(0)", "content('group').transform.position", "thisLayer.content(1).content(1).size[0]", "content('group').content(99)", "mask(1).maskPath", "thisProperty.propertyIndex", "thisProperty.name.length",
    "createPath([[0, 0], [9, 9]], [], [], true)", "createPath([], [], [], false)", "createPath([[0, 0], [9]], [[1]], null)", "createPath(Array(5000).fill([1, 2]))", "thisProperty.points()", "thisProperty.inTangents()", "thisProperty.pointOnPath(0.5)", "thisProperty.tangentOnPath(2)", "isClosed()",
    "marker.numKeys", "thisComp.marker.key(1).time", "marker.nearestKey(time).comment", "sourceRectAtTime(time, false).width", "thisComp.layer('other').sourceRectAtTime().height", "source.width", "hasParent ? parent.transform.rotation : 0", "active ? 1 : 0", "time > 1 ? 45 : 0", "thisComp.layer(1).hasVideo",
    "text.sourceText", "text.sourceText.value", "text.sourceText.style.fontSize", "text.sourceText.style.setText('x').setFontSize(90)", "text.sourceText.createStyle().setFillColor([1, 0, 0])", "Math.round(time * 9).toString()", "value.substr(0, time * 9)", "('' + 1234.5).replace(/\\B(?=(\\d{3})+(?!\\d))/g, ',')", "'x'.repeat(6000)", "'a\\rb'", "timeToCurrentFormat()", "timeToFrames()", "footage('x').sourceData",
    "comp('inner').layer(1).transform.position", "comp('').layer(1)", "thisComp.layer('other')('Transform')('Position')", "thisComp.layer(2)('ADBE Transform Group')('ADBE Rotate Z')", "propertyGroup(1).name", "thisProperty.propertyGroup(2).transform", "thisLayer.name + index", "thisLayer.marker",
)  # fmt: skip
WORDS = re.compile(r"[A-Za-z_$]\w*|\d+(?:\.\d+)?|'[^']*'|\S")


def script(chance: random.Random, document: Document, chosen: Choose) -> str:
    """An expression on some property: of a kind that templates use, a wrong one, one that would harm, or two that read each other."""
    if chance.random() < 0.12:
        return _circle(chance, document, chosen)
    place = chosen(chance, document, lambda key, value: isinstance(value, dict) and "k" in value)
    code = _wrapped(chance, chance.choice(chance.choices((LANGUAGE, WRONG, HOSTILE), (70, 20, 10))[0]))
    if place is not None:
        place[0][place[1]]["x"] = code
    return f"script {place[1] if place else '-'} {code[:70]}"


def rescript(chance: random.Random, document: Document, chosen: Choose) -> str:
    """Another text of an expression that is there: a word less, twice, elsewhere, of another expression, or cut off."""
    place = chosen(chance, document, lambda key, value: isinstance(value, dict) and isinstance(value.get("x"), str))
    if place is None:
        return script(chance, document, chosen)
    words = WORDS.findall(place[0][place[1]]["x"]) or ["value"]
    at, how = chance.randrange(len(words)), chance.choice(("less", "twice", "exchanged", "other", "cut", "number"))
    if how == "less":
        del words[at]
    elif how == "twice":
        words.insert(at, words[at])
    elif how == "exchanged":
        other = chance.randrange(len(words))
        words[at], words[other] = words[other], words[at]
    elif how == "other":
        words[at] = chance.choice(WORDS.findall(chance.choice(LANGUAGE)))
    elif how == "number":
        words[at] = chance.choice(("0", "-1", "1e300", "NaN", "[]", "''", "null", "value"))
    else:
        del words[at:]
    place[0][place[1]]["x"] = " ".join(words)
    return f"rescript {how} {' '.join(words)[:60]}"


def _wrapped(chance: random.Random, code: str) -> str:
    """As exporters write it, with declarations before it, or in a way that runs it many times."""
    ways = (
        f"var $bm_rt; $bm_rt = {code};",
        f"var $bm_rt;\nvar n = 0;\nif (numKeys > 0) {{ n = nearestKey(time).index; if (key(n).time > time) {{ n--; }} }}\n$bm_rt = {code};",
        code,
        f"function f(t) {{ return {code}; }}\nvar $bm_rt = f(time);",
        f"var $bm_rt; try {{ $bm_rt = {code}; }} catch (e) {{ $bm_rt = value; }}",
        f"var $bm_rt; for (var i = 0; i < 50; i++) {{ $bm_rt = {code}; }}",
        f"value = {code}; x = time; var $bm_rt = value;",
    )
    return chance.choices(ways, (60, 8, 12, 5, 5, 5, 5))[0]


def _circle(chance: random.Random, document: Document, chosen: Choose) -> str:
    """Properties of layers that read each other, or themselves, through values, effects or matrices."""
    layers = [one for one in document.get("layers") or () if isinstance(one, dict) and isinstance(one.get("ks"), dict)]
    if not layers:
        return "script circle -"
    key, long = chance.choice((("r", "rotation"), ("p", "position"), ("s", "scale"), ("o", "opacity"), ("a", "anchorPoint")))
    ways = (
        f"thisComp.layer({{other}}).transform.{long}",
        f"thisComp.layer({{other}}).transform.{long}.valueAtTime(time - 0.1)",
        "thisComp.layer({other}).toComp([1, 1])" if key == "p" else "thisComp.layer({other}).toComp([1, 1])[0]",
        f"thisComp.layer({{other}}).transform.{long} + thisComp.layer({{other}}).transform.{long}",
    )
    for number, layer in enumerate(layers, 1):
        value = layer["ks"].get(key)
        if isinstance(value, dict):
            value["x"] = f"var $bm_rt; $bm_rt = {chance.choice(ways).format(other=number % len(layers) + 1)};"
    return f"script circle of {long}"
