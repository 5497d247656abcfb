"""What rewrites add to a document is bounded; and a bound that lets all through."""

import json
from typing import Any
from unittest.mock import patch

import msgspec

from node_worker.engines.lottie.prepare import load
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites import rewrite
from node_worker.engines.lottie.rewrites.parts import Budget
from tests.documents.zoo import document, every_shape, shape_layer, still
from tests.mutants.checks import Broken

Document = dict[str, Any]
_MOST = 30 << 20  # bytes of a document after all rewrites


def copies_of_much() -> Document:
    """A repeater of 900 copies of a shape with a name of 50,000 letters."""
    move = {"a": still([0, 0]), "p": still([0, 0]), "s": still([100, 100]), "r": still(0), "so": still(100), "eo": still(100)}
    repeater = {"ty": "rp", "c": still(900), "o": still(0), "m": 1, "tr": move}
    return document(shape_layer([{**every_shape()[0], "nm": "n" * 50_000}, repeater]))


def stays_small(found: Document) -> Report:
    """Rewrite a document. Raises Broken when it grows beyond all bounds."""
    loaded, report = load(json.dumps(found).encode()), Report()
    rewrite(loaded, report)
    size = len(msgspec.json.encode(loaded))
    if size > _MOST:
        raise Broken(f"the document has {size} bytes")
    return report


def unbounded() -> Any:
    """Every rewrite may add as much as it likes."""
    return patch.object(Budget, "take", lambda *_: True)
