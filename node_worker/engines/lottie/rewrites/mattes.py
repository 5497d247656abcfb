"""Lets hidden layers act as mattes, as in the designing program: the engine draws what they should mask as if there were none."""

from typing import Any

from node_worker.engines.lottie.references import mattes_of
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.layers import compositions

Document = dict[str, Any]


def mattes(document: Document, report: Report) -> None:
    """Let each hidden layer that is a matte be nothing else: as such it acts, and is not drawn by itself."""
    for layers in compositions(document):
        if any(layer.get("tt") for layer in layers) and any(layer.get("hd") for layer in layers):
            for matte in mattes_of(layers):
                if matte is not None and layers[matte].get("hd"):
                    layers[matte].update(hd=False, td=1)
