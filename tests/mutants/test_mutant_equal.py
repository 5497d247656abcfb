"""A computed film is the same however it is drawn, and an engine with a memory turns that red."""

from pathlib import Path

import pytest

from templates import samples
from tests.mutants.checks import Broken
from tests.mutants.equal import FRAMES, is_the_same_everywhere

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="how a process dies is told by signals")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A document with expressions of every kind, texts and all."""
    path = tmp_path / "computed.json"
    path.write_bytes(samples.computed("سلام Hello", FRAMES / 30))
    return path


# Four starts of an engine, two cores: 4 s. That they are processes of their own is what is to be shown.
async def test_a_computed_film_is_the_same_whole_in_parts_on_four_nodes_repaired_and_after_a_kill(film: Path, tmp_path: Path) -> None:
    await is_the_same_everywhere(film, "node_worker.engines.lottie:LottieEngine", tmp_path)


async def test_an_engine_whose_frames_depend_on_those_before_turns_it_red(film: Path, tmp_path: Path) -> None:
    with pytest.raises(Broken, match="other bytes"):
        await is_the_same_everywhere(film, "tests.mutants.equal:History", tmp_path)
