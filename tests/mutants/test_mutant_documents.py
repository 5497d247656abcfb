"""Wrong documents end no engine, and each hole in what is checked lets one through that does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.mutants import documents
from tests.mutants.checks import Broken

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="how a process dies is told by signals")
Made = Callable[[], dict[str, Any]]
SOUND = "node_worker.engines.lottie:LottieEngine"
RED: list[tuple[Made, type]] = [
    (documents.picture_layer_of_a_composition, documents.References),
    (documents.composition_layer_of_a_picture, documents.References),
    (documents.path_without_points, documents.Paths),
    (documents.colours_that_are_missing, documents.Types),
    (documents.star_without_points, documents.Weights),
]


@pytest.mark.parametrize("made", [made for made, _ in RED], ids=lambda made: made.__name__)
async def test_the_document_ends_no_engine(made: Made, tmp_path: Path) -> None:
    assert (await documents.ends_no_engine(made(), SOUND, tmp_path)).kind == "refused"


@pytest.mark.parametrize(("made", "hole"), RED, ids=lambda one: one.__name__)
async def test_a_hole_turns_it_red(made: Made, hole: type, tmp_path: Path) -> None:
    with pytest.raises(Broken):
        await documents.ends_no_engine(made(), f"tests.mutants.documents:{hole.__name__}", tmp_path)
