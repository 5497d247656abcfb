"""Turns what the engine draws otherwise than its designer saw it into what it draws right, feature by feature.

Each module is one rewrite: a function that takes the document, changes it in place and reports what it could not turn. They run on a
document of the newest form that holds a person's values and no expressions and slots, before texts are shaped.
"""

from collections.abc import Callable
from typing import Any

from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.blending import blending
from node_worker.engines.lottie.rewrites.remap import freeze_frames

Document = dict[str, Any]
Rewrite = Callable[[Document, Report], None]

REWRITES: tuple[Rewrite, ...] = (freeze_frames, blending)  # in the order in which they run


def rewrite(document: Document, report: Report) -> None:
    """Run all rewrites."""
    for one in REWRITES:
        one(document, report)
