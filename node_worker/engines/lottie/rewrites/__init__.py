"""Turns what the engine draws otherwise than its designer saw it into what it draws right, feature by feature.

Each module is one rewrite: a function that takes the document, changes it in place and reports what it could not turn. They run on a
document of the newest form that holds a person's values and no expressions and slots, before texts are shaped.
"""

from collections.abc import Callable
from typing import Any

from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.blending import blending
from node_worker.engines.lottie.rewrites.effects import effects
from node_worker.engines.lottie.rewrites.masks import masks
from node_worker.engines.lottie.rewrites.merging import merging
from node_worker.engines.lottie.rewrites.motion import motion
from node_worker.engines.lottie.rewrites.opacity import opacity
from node_worker.engines.lottie.rewrites.order import order
from node_worker.engines.lottie.rewrites.orientation import orientation
from node_worker.engines.lottie.rewrites.rectangles import rectangles
from node_worker.engines.lottie.rewrites.remap import remap
from node_worker.engines.lottie.rewrites.repeaters import repeaters
from node_worker.engines.lottie.rewrites.solids import solids

Document = dict[str, Any]
Rewrite = Callable[[Document, Report], None]

# In the order in which they run: names, then shapes, then layers, then what moves in all that was written.
REWRITES: tuple[Rewrite, ...] = (
    order,
    remap,
    solids,
    merging,
    rectangles,
    orientation,
    repeaters,
    opacity,
    effects,
    masks,
    blending,
    motion,
)


def rewrite(document: Document, report: Report) -> None:
    """Run all rewrites."""
    for one in REWRITES:
        one(document, report)
