"""Finished videos are looked at from outside."""

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest

from cli.errors import Mistake
from cli.video_check import disagreements, examined, strip


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten frames of 64x36, each a shade of its own, without sound."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(str(path), "w") as out:
        stream = cast(av.VideoStream, out.add_stream("libx264", rate=30))
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((36, 64, 3), number * 25, dtype=np.uint8), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_a_right_video_has_no_disagreements(film: Path) -> None:
    assert disagreements(examined(film), frames=10, width=64, height=36, rate=Fraction(30), sound=False) == []


def test_what_is_wrong_in_a_video_is_named(film: Path) -> None:
    found = disagreements(examined(film), frames=11, width=64, height=36, rate=Fraction(30000, 1001), sound=True)
    assert [text.partition(" is ")[0] for text in found] == ["rate", "frames", "audio_codec", "the sound"]


def test_a_cut_video_is_a_mistake(film: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(film.read_bytes()[:300])
    with pytest.raises(Mistake, match=r"cut\.mp4"):
        examined(cut)


def test_a_strip_shows_frames_of_the_video(film: Path, tmp_path: Path) -> None:
    strip(film, tmp_path / "strip.png", count=4, width=64)
    from PIL import Image

    picture = Image.open(tmp_path / "strip.png").convert("L")
    assert picture.size == (64 * 2 + 6, 36 * 2 + 6)
    shades = [picture.getpixel(place) for place in ((10, 10), (80, 10), (10, 60), (80, 60))]
    assert shades == sorted(shades)
    assert len(set(shades)) == 4
