"""What counts as a difference between two pictures, and what is known of the reference player."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from benchmarks import lottie_web
from benchmarks.chromium import ChromiumFailed
from benchmarks.faithful import Compared, line, summary
from benchmarks.likeness import ALIKE, sheet, unlike
from benchmarks.reference_faults import faults

Box = tuple[float, float, float, float]


def square(box: Box = (20, 20, 59, 59), colour: str = "#c02020", ground: str = "white") -> Image.Image:
    picture = Image.new("RGB", (100, 100), ground)
    ImageDraw.Draw(picture).rectangle(box, fill=colour)
    return picture


def test_a_picture_is_like_itself_and_two_empty_ones_are_alike() -> None:
    assert unlike(square(), square()) == 0
    assert unlike(Image.new("RGB", (9, 9), "white"), Image.new("RGB", (9, 9), "white")) == 0


def test_what_one_side_lacks_differs_wholly() -> None:
    assert unlike(Image.new("RGB", (100, 100), "white"), square()) > 0.9


def test_a_shape_a_few_pixels_away_is_no_right_frame_and_a_slightly_other_colour_is() -> None:
    assert unlike(square((24, 20, 63, 59)), square()) > ALIKE
    assert unlike(square(colour="#c82828"), square()) == 0


def test_only_drawn_pixels_count_so_that_a_small_thing_can_be_wrong() -> None:
    small = (40, 40, 45, 45)
    assert unlike(square(small, "#2020c0"), square(small)) > 0.5


def test_pictures_of_two_sizes_are_not_compared() -> None:
    with pytest.raises(ValueError, match="measure"):
        unlike(square(), Image.new("RGB", (10, 10)))


def test_a_sheet_shows_both_and_marks_the_difference() -> None:
    shown = sheet(square((20, 20, 39, 39)), square())
    assert shown.size == (308, 100)
    assert shown.getpixel((208 + 50, 50)) == (220, 0, 0)


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"o": {"a": 0, "k": 1, "x": "wiggle(2, 3)"}}, "random"),
        ({"p": {"a": 0, "k": 1, "x": "loopIn('cycle')"}}, "loopIn"),
        ({"shapes": [{"ty": "mm", "mm": 3}]}, "merge"),
        ({"masksProperties": [{"mode": "l", "pt": {}}]}, "mask modes"),
        ({"t": {"d": {"k": [{"s": {"t": "سلام", "f": "A"}}]}}}, "set one by one"),
        ({"sy": [{"ty": 1}]}, "layer styles"),
        ({"tt": 4}, "luma"),
    ],
)
def test_the_references_own_faults_are_named(part: dict[str, Any], named: str) -> None:
    assert [one for one in faults({"layers": [part]}) if named in one]


def test_a_plain_document_has_none_of_them() -> None:
    expression = {"a": 0, "k": 1, "x": "time * 90"}
    assert faults({"layers": [{"ks": {"r": expression}, "tt": 1, "t": {"d": {"k": [{"s": {"t": "Latin", "f": "A"}}]}}}]}) == []


def test_another_script_than_the_one_that_is_mended_is_refused() -> None:
    with pytest.raises(ChromiumFailed, match="use strict"):
        lottie_web.mended("var lottie = {};")


def test_pictures_are_even_and_not_larger_than_asked() -> None:
    assert lottie_web.size_of({"w": 375, "h": 667}, 800) == (376, 668)
    assert lottie_web.size_of({"w": 1920, "h": 1080}, 800) == (800, 450)


def test_frames_lie_within_the_document() -> None:
    assert lottie_web.frames_of({"ip": 0, "op": 60}) == [6, 18, 30, 42, 54]
    assert lottie_web.frames_of({"ip": 10, "op": 11}) == [0]


def test_an_archives_pictures_are_embedded(tmp_path: Path) -> None:
    document = {"w": 9, "h": 9, "fr": 30, "op": 9, "layers": [], "assets": [{"id": "i", "u": "images/", "p": "a.png"}]}
    path = tmp_path / "one.lottie"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", "{}")
        archive.writestr("animations/one.json", json.dumps(document))
        archive.writestr("images/a.png", b"PNG")
    assert lottie_web.read(path)["assets"][0]["p"].startswith("data:image/png;base64,")


def test_the_report_tells_who_failed_and_counts_doubtful_documents_apart() -> None:
    right = Compared(name="right.json", frames=[0, 1], shares=[0.0, 0.01])
    wrong = Compared(name="wrong.json", frames=[0], shares=[0.5], uploaded=["shape.zigzag"])
    doubtful = Compared(name="doubtful.json", frames=[0], shares=[0.5], doubts=["random"])
    lost = Compared(name="lost.json", frames=[0], shares=[None], reference="it throws")
    told = summary([right, wrong, doubtful, lost])
    assert "50.0 % of 4 frames" in told and "66.7 % of 3 frames" in told
    assert "lost.json: it throws" in told and "2 of 4 documents have misses; 1 of those" in told
    assert line(wrong).startswith("! wrong.json") and "shape.zigzag" in line(wrong)
