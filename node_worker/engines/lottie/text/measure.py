"""Measures texts before they are drawn, for expressions that place things by them."""

from collections.abc import Callable
from typing import Any

from node_worker.engines.lottie.text.fonts import Library
from node_worker.engines.lottie.text.layers import measurer

Document = dict[str, Any]
Box = tuple[float, float, float, float]  # left, top, right, bottom: pixels from the text's position


def measure_of(document: Document, library: Library) -> Callable[[Document], Box]:
    """What tells the room that the ink of a document's text takes, set as it will be drawn."""
    measured = measurer(document, library)

    def measure(text: Document) -> Box:
        left, top, width, height = measured(text)
        return round(left, 3), round(top, 3), round(left + width, 3), round(top + height, 3)

    return measure
