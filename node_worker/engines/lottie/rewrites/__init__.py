"""Turns what the engine draws otherwise than its designer saw it into what it draws right, feature by feature.

Each module is one rewrite: a function that takes the document, changes it in place and reports what it could not turn. They run on a
document of the newest form that holds a person's values and no expressions and slots, before texts are shaped.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.blending import blending
from node_worker.engines.lottie.rewrites.dots import dots
from node_worker.engines.lottie.rewrites.effects import effects
from node_worker.engines.lottie.rewrites.ink import ink
from node_worker.engines.lottie.rewrites.masks import masks
from node_worker.engines.lottie.rewrites.mattes import mattes
from node_worker.engines.lottie.rewrites.merging import merging
from node_worker.engines.lottie.rewrites.miters import miters
from node_worker.engines.lottie.rewrites.modifiers import modifiers
from node_worker.engines.lottie.rewrites.motion import motion
from node_worker.engines.lottie.rewrites.opacity import opacity
from node_worker.engines.lottie.rewrites.order import order
from node_worker.engines.lottie.rewrites.orientation import orientation
from node_worker.engines.lottie.rewrites.parts import FADE, STROKES, kinds_of
from node_worker.engines.lottie.rewrites.rectangles import rectangles
from node_worker.engines.lottie.rewrites.remap import freeze_frames
from node_worker.engines.lottie.rewrites.repeaters import repeaters
from node_worker.engines.lottie.rewrites.solids import solids
from node_worker.engines.lottie.rewrites.strokes import strokes
from node_worker.engines.lottie.rewrites.trims import trims

Document = dict[str, Any]
Rewrite = Callable[[Document, Report], None]


class Step(NamedTuple):
    """A rewrite, and the types of shapes without which it has nothing to do; none means that it always looks."""

    run: Rewrite
    kinds: frozenset[str] = frozenset()


# In the order in which they run: names, then shapes, then layers, then what moves in all that was written.
REWRITES: tuple[Step, ...] = (
    Step(order),
    Step(ink),
    Step(miters, STROKES),
    Step(freeze_frames),
    Step(strokes),
    Step(solids),
    Step(dots, frozenset(("sh",))),
    Step(merging, frozenset(("mm",))),
    Step(modifiers, frozenset(("zz", "pb", "rd", "sr"))),
    Step(trims, frozenset(("tm",))),
    Step(rectangles, frozenset(("rc",))),
    Step(orientation),
    Step(repeaters, frozenset(("rp",))),
    Step(opacity, frozenset(("rp", FADE))),
    Step(mattes),
    Step(effects),
    Step(masks),
    Step(blending),
    Step(motion),
)


def rewrite(document: Document, report: Report) -> None:
    """Run all rewrites."""
    present: frozenset[str] | None = None
    for step in REWRITES:
        if step.kinds and present is None:
            present = kinds_of(document)
        if present is None or not step.kinds or step.kinds & present:
            step.run(document, report)
