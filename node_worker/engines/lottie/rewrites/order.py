"""Puts first what the engine must know before it reads the rest: it reads a document in the order in which it is written.

A mask's inversion before its mode, a dash's kind before its length, an effect's type before its values, and that a layer is
three-dimensional before its transformation; tried by drawing documents with their names in every order.
"""

from typing import Any

from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.parts import STROKES, kind_of, shape_lists
from node_worker.engines.lottie.upgrade import all_layers

Document = dict[str, Any]


def order(document: Document, report: Report) -> None:
    """Bring the names in each such object into the engine's order."""
    for layer in all_layers(document):
        _lead(layer, "ddd")
        _choose_rotation(layer)
        for effect in objects(layer.get("ef")):
            _lead(effect, "ty")
        for mask in objects(layer.get("masksProperties")):
            _lead(mask, "inv")
        for items in shape_lists(layer.get("shapes")):
            for item in objects(items):
                if kind_of(item) in STROKES:
                    for dash in objects(item.get("d")):
                        _lead(dash, "n")


def _choose_rotation(layer: Document) -> None:
    """Let a layer in three dimensions turn by its three rotations alone: of two for one axis the engine takes the later."""
    ks = layer.get("ks")
    if layer.get("ddd") and isinstance(ks, dict) and "rx" in ks and "rz" in ks:
        ks.pop("r", None)


def _lead(part: Document, name: str) -> None:
    """Let a name be the first of an object."""
    if name in part and next(iter(part)) != name:
        held = {name: part.pop(name), **part}
        part.clear()
        part.update(held)
