"""What the reference player itself shows wrongly: a document that uses it proves nothing, and is named."""

import re
from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]

EXPRESSIONS = (
    (re.compile(r"\bwiggle\s*\(|\brandom\s*\(|\bgaussRandom\s*\(|\bnoise\s*\("), "random: no two players show the same"),
    (re.compile(r"\bloopIn\s*\(|\bloop_in\s*\("), "loopIn: cycle and pingpong do nothing"),
    (re.compile(r"\bloop(In|Out)Duration\s*\("), "loopOutDuration: loops another stretch"),
    (re.compile(r"loopOut\s*\(\s*['\"]continue"), "loopOut continue: positions hardly move"),
    (re.compile(r"\bsourceRectAtTime\s*\("), "sourceRectAtTime: wrong for shapes"),
    (re.compile(r"\bmarker\s*\."), "marker: throws where there are none"),
)
# Scripts that read from the right, or whose letters change with their neighbours: Hebrew to Arabic Extended, of India, of South-East Asia.
JOINED = re.compile("[\u0590-\u08ff\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ufb1d-\ufdff\ufe70-\ufeff]")
MERGES = (2, 3, 4, 5)  # add, subtract, intersect, exclude; 1 is what lies there anyway
MASKS = ("a", "s", "i", "n")


def objects(document: Any) -> Iterator[Document]:
    """Every object of a document."""
    stack = [document]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            yield value
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


def faults(document: Document) -> list[str]:
    """The reference's own faults that a document uses, each once."""
    found: dict[str, None] = {}
    outlined = bool(document.get("chars"))
    for value in objects(document):
        for words in _of(value, outlined):
            found[words] = None
    return sorted(found)


def _of(value: Document, outlined: bool) -> Iterator[str]:
    expression, text = value.get("x"), value.get("t")
    if isinstance(expression, str) and "k" in value:
        yield from (words for pattern, words in EXPRESSIONS if pattern.search(expression))
    if not outlined and isinstance(text, str) and "f" in value and JOINED.search(text):
        yield "text: letters that join or read from the right are set one by one"
    if "f" in value and "t" in value and (value.get("ca") or (value.get("sw") and value.get("of") is False)):
        yield "text: capitals are not made, a stroke always lies over the fill"
    if "f" in value and "t" in value and value.get("j") in (3, 4, 5, 6):
        yield "text: lines are not justified"
    for items in (value.get("it"), value.get("shapes")):
        if isinstance(items, list) and sum(isinstance(one, dict) and one.get("ty") == "rp" for one in items) > 1:
            yield "two repeaters on one another: their copies are set in one row"
    offset = value["o"].get("k") if value.get("ty") == "rp" and isinstance(value.get("o"), dict) else 0
    if isinstance(offset, int | float) and offset < 0:
        yield "repeater with an offset below nothing: copies are missing"
    if value.get("tt") == 4:
        yield "luma matte, inverted: the matte's own shape is not cut out"
    if isinstance(value.get("bm"), int) and value["bm"] > 15:
        yield "blend mode add: drawn as normal"
    if "pt" in value and isinstance(value.get("x"), dict) and value["x"].get("k") != 0:
        yield "mask expansion: its corners"
    if value.get("ty") == "mm" and value.get("mm") in MERGES:
        yield "merge paths: not merged"
    if isinstance(value.get("mode"), str) and "pt" in value and value["mode"] not in MASKS:
        yield "mask modes: lighten, darken, difference are taken for add"
    if isinstance(value.get("sy"), list) and value["sy"]:
        yield "layer styles: not drawn"
    if isinstance(value.get("a"), dict) and "bl" in value["a"] and "s" in value:
        yield "text animators: no blur"
