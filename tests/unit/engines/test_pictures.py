"""Documents of our own, each with one feature, beside the reference player's pictures (`python -m benchmarks.faithful --beside`)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.likeness import ALIKE, unlike
from node_worker.engines.lottie import LottieEngine

FOLDER = Path(__file__).resolve().parents[2] / "data/pictures"
DOCUMENTS = sorted(FOLDER.glob("*.json"))
# What we cannot draw right, and the code that tells its designer so at upload.
TOLD: dict[str, str] = {}


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
def test_a_document_is_drawn_as_the_reference_shows_it_or_its_designer_is_told(
    document: Path, engine: LottieEngine, scene: Callable[..., Any], tmp_path: Path
) -> None:
    share = worst(document, scene)
    if share >= ALIKE:
        codes = {warning.code for warning in engine.scan(document, tmp_path / "scan").scenes[0].warnings}
        assert TOLD.get(document.stem) in codes, f"{share:.1%} of the drawn pixels differ; told is {codes}"


def test_every_document_has_pictures_and_every_picture_a_document() -> None:
    names = {path.name.split(".")[0] for path in FOLDER.glob("*.png")}
    assert names == {document.stem for document in DOCUMENTS} >= set(TOLD)
