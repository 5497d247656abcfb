"""Refuses what the drawing engine would misread, with the way to it, and settles what can only be meant in one way."""

import re
from typing import Any

from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie.extent import check_extent
from node_worker.engines.lottie.kinds import Mismatch
from node_worker.engines.lottie.references import check_references, label
from node_worker.engines.lottie.schema import GLYPHS, SHAPED, UPLOADED
from node_worker.engines.lottie.text.layers import clean_chars
from node_worker.engines.lottie.weight import check_weight

Document = dict[str, Any]
_LAYERS = re.compile(r"(assets\[(\d+)\]\.)?layers\[(\d+)\]")


def settle(document: Document, *, shaped: bool) -> None:
    """Check an upgraded document, changing it in place; `shaped` that its texts are ready to draw. Raises TemplateRefused."""
    try:
        (SHAPED if shaped else UPLOADED)(document)
        GLYPHS({"chars": clean_chars(document)})
    except Mismatch as mismatch:
        at = mismatch.path
        where = f"{at}{_layer_at(document, at)}"
        detail = f"{where} {mismatch.detail}. Correct it, or export the animation again from the designing program."
        raise TemplateRefused("lottie.bad_field", detail, at) from mismatch
    check_references(document)
    check_weight(document)
    check_extent(document)


def _layer_at(document: Document, at: str) -> str:
    """The name of the layer that a way leads through, so that a person finds it."""
    match = _LAYERS.match(at)
    if match is None:
        return ""
    owner = document["assets"][int(match[2])] if match[2] else document
    layer = owner["layers"][int(match[3])]
    return label(layer) if isinstance(layer, dict) else ""
