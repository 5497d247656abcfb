"""What an expression gives follows from the document and the moment alone; and changes of the language that let other things in."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import numpy as np

from node_worker.engines.lottie.expressions import bake as baking
from node_worker.engines.lottie.expressions.bake import WHOLE, Moments, bake
from node_worker.engines.lottie.report import Report
from tests.documents.zoo import document, place, shape_layer, still
from tests.mutants.checks import hold

Document = dict[str, Any]
CIRCLE = {"a": "thisComp.layer('b').transform.rotation + 1", "b": "thisComp.layer('a').transform.rotation * 2 + value + time"}
CHANCE = {"a": "random(0, 100)", "b": "wiggle(2, 50) + gaussRandom()"}
STATE = {
    "a": "(globalThis.count = (globalThis.count || 0) + 1) + time",
    "b": "((Math.floor.count = (Math.floor.count || 0) + 1), Math.floor.count || 0) + time",
}
ALL = (CIRCLE, CHANCE, STATE)


def turns(codes: Document, names: str = "ab", moments: Moments = WHOLE) -> dict[str, dict[str, Any]]:
    """The rotations of layers by their names, evaluated; `names` is their order."""
    turning = {name: {**still(10), "x": f"var $bm_rt; $bm_rt = {codes[name]};"} for name in names}
    found = document(*(shape_layer([], nm=name, ks=place(r=turning[name])) for name in names))
    for layer in found["layers"]:
        layer["ind"] = ord(layer["nm"])
    bake(found, Report(), moments)
    return {layer["nm"]: layer["ks"]["r"] for layer in found["layers"]}


def value(prop: Document, frame: float) -> float:
    """A rotation at a frame."""
    if not prop["a"]:
        return float(prop["k"])
    return float(np.interp(frame, [key["t"] for key in prop["k"]], [key["s"][0] for key in prop["k"]]))


def the_order_of_layers_changes_no_value() -> None:
    """Whichever property is evaluated first."""
    for codes in ALL:
        hold(turns(codes, "ab") == turns(codes, "ba"), f"{codes} depend on the order")


def a_picture_alone_has_the_values_of_the_whole() -> None:
    """What was evaluated before changes nothing: one moment by itself is as it is among all."""
    for codes in ALL:
        whole = turns(codes)
        for frame in (0, 7, 29):
            alone = turns(codes, moments=Moments(second=frame / 30))
            for name in codes:
                hold(abs(value(alone[name], frame) - value(whole[name], frame)) < 0.01, f"{codes[name]} depends on what was before")


def changed(old: str, new: str) -> AbstractContextManager[object]:
    """The language with one place of it changed."""
    hold(old in baking._PRELUDE, f"the language has no {old!r}")
    return patch.object(baking, "_PRELUDE", baking._PRELUDE.replace(old, new))


def values_within_circles_are_kept() -> AbstractContextManager[object]:
    return changed("const circular = cycle <= level;", "const circular = false;")


def chance_goes_on_from_frame_to_frame() -> AbstractContextManager[object]:
    return changed("rounds = MOST_ROUNDS, prop.chance = undefined,", "rounds = MOST_ROUNDS,")


def globals_can_be_written() -> AbstractContextManager[object]:
    return changed("Object.freeze(globalThis);\nreturn api;", "return api;")
