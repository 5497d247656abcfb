"""Each kind of expression draws the same frames in any order and part; whole films in processes are in tests/mutants/equal.py."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from node_worker.engines.lottie import LottieEngine
from tests.mutants.equal import FRAMES, SIZE, spec_of

ROOT = Path(__file__).parents[3]
PICTURES = ROOT / "tests/data/pictures"
COMPUTED = sorted(PICTURES.glob("expression-*.json"))  # each with one kind of expression


def hashes(path: Path, frames: Sequence[int]) -> dict[int, str]:
    """What an engine that knows nothing yet draws, in that order."""
    spec, files = spec_of(path)
    scene, pixels, found = LottieEngine().open(spec, files, SIZE, "#FFFFFF", ()), np.empty((SIZE[1], SIZE[0], 4), np.uint8), {}
    for frame in frames:
        scene.draw(frame / 30, pixels)
        found[frame] = hashlib.sha256(pixels).hexdigest()
    scene.close()
    return found


@pytest.mark.parametrize("path", COMPUTED, ids=lambda one: one.stem)
def test_each_kind_of_expression_draws_the_same_frames_in_any_order_and_part(path: Path, tmp_path: Path) -> None:
    frames = list(range(0, FRAMES, 7))
    forwards = hashes(path, frames)
    assert hashes(path, frames[::-1]) == forwards
    parts = [hashes(path, frames[cut : cut + 3]) for cut in range(0, len(frames), 3)]
    assert {frame: one for each in parts for frame, one in each.items()} == forwards
