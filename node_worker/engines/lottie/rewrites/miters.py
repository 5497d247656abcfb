"""Gives outlines with mitred corners the limit that their document leaves out: the engine would cut every corner off."""

from typing import Any

from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.parts import STROKES, kind_of, shape_layers, shape_lists

Document = dict[str, Any]
_USUAL = 4  # times the outline's width; what SVG means without a limit, and what designing programs begin with


def miters(document: Document, report: Report) -> None:
    """Write `ml` into outlines that lack it: what their `ml2` says, which can be animated, else the usual limit."""
    for layer in shape_layers(document):
        for items in shape_lists(layer["shapes"]):
            for item in objects(items):
                if kind_of(item) in STROKES and item.get("ml") is None:
                    told = item.get("ml2")
                    limit = number(told.get("k")) if isinstance(told, dict) else 0.0
                    item["ml"] = limit if limit >= 1 else _USUAL
