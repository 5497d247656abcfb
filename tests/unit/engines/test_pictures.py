"""Documents of our own, each with one feature, beside the reference player's pictures (`python -m benchmarks.faithful --beside`)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.likeness import ALIKE, unlike

FOLDER = Path(__file__).resolve().parents[2] / "data/pictures"
DOCUMENTS = sorted(FOLDER.glob("*.json"))


def worst(document: Path, scene: Callable[..., Any]) -> float:
    """The largest share of differing pixels of a document's frames."""
    shares = []
    for path in sorted(document.parent.glob(f"{document.stem}.*.png")):
        with Image.open(path) as opened:
            reference = opened.convert("RGB")
        size = reference.size
        pixels = np.empty((size[1], size[0], 4), np.uint8)
        scene(document, size=size).draw(int(path.suffixes[-2][1:]) / 30, pixels)
        shares.append(unlike(Image.fromarray(pixels[:, :, :3]), reference))
    return max(shares)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.stem)
def test_a_document_is_drawn_as_the_reference_shows_it(document: Path, scene: Callable[..., Any]) -> None:
    assert worst(document, scene) < ALIKE


def test_every_document_has_pictures_and_every_picture_a_document() -> None:
    names = {path.name.split(".")[0] for path in FOLDER.glob("*.png")}
    assert names == {document.stem for document in DOCUMENTS}
