"""Draws solid layers as shapes: the engine takes a solid's opacity twice, knows no short colours, and cuts its edges at whole pixels."""

import math
from typing import Any

from PIL import ImageColor

from node_worker.engines.lottie.guard import number
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.parts import group, kind_of, name_of, still
from node_worker.engines.lottie.schema import SHAPE, SOLID
from node_worker.engines.lottie.upgrade import all_layers

Document = dict[str, Any]


def solids(document: Document, report: Report) -> None:
    """Turn each solid into a layer of one rectangle."""
    for layer in all_layers(document):
        if kind_of(layer) == SOLID:
            _turn(layer, report)


def _turn(layer: Document, report: Report) -> None:
    width, height = (number(layer.pop(side, 0)) for side in ("sw", "sh"))
    colour = layer.pop("sc", "#000000")
    layer.update(ty=SHAPE, shapes=[])
    if math.isnan(width) or math.isnan(height):
        return
    try:
        red, green, blue, *alpha = ImageColor.getrgb(colour.strip() if isinstance(colour, str) else "")
    except ValueError:
        detail = f"The solid's colour {str(colour)[:40]!r} is no colour, so it is drawn black; write it as #RRGGBB."
        report("layer.colour", detail, name_of(layer))
        red, green, blue, alpha = 0, 0, 0, []
    size = {"ty": "rc", "d": 1, "s": still([width, height]), "p": still([width / 2, height / 2]), "r": still(0)}
    paint = [round(part / 255, 6) for part in (red, green, blue)]
    fill = {"ty": "fl", "c": still([*paint, 1]), "o": still(alpha[0] / 2.55 if alpha else 100), "r": 1}
    layer["shapes"].append(group([size, fill]))
