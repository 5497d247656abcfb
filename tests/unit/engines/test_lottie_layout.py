"""Texts of many scripts stand where a browser puts them, in a line and in a box."""

import json
from itertools import pairwise

import pytest

from node_worker.engines.lottie.text import faces
from node_worker.engines.lottie.text.fonts import Library, Wanted
from node_worker.engines.lottie.text.layout import Layout, Style, lay_out
from tests.documents.texts import REFERENCES, TEXTS, edges

_NEAR = 0.6  # pixels at 40 pixels to the em: the browser rounds advances where a line is shaped in pieces
_BROWSER = json.loads(REFERENCES.read_text(encoding="utf-8"))


def place(text: str, font: str = "FiraGO-Regular", **style: object) -> Layout:
    whole: dict[str, object] = {"size": 40.0, "line_height": 60.0, **style}
    return lay_out(text, Library((), ()).chain(Wanted(font), text), Style(**whole))  # type: ignore[arg-type]


def lines(text: str, width: float, **style: object) -> list[str]:
    """The lines of a text in a box, as their clusters read."""
    return ["".join(c.text for c in line.clusters) for line in place(text, width=width, height=1000.0, **style).lines]


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_stands_where_a_browser_puts_it(name: str) -> None:
    case = TEXTS[name]
    if name.startswith("emoji") and faces.emoji() is None:
        pytest.skip("the font for emoji is not there")
    ours, theirs = edges(case), _BROWSER[name]
    # The two may cut clusters otherwise, a ligature for one; what is compared lies between cuts that both make.
    cuts = sorted({part[0] for part in ours} & {part[0] for part in theirs}) + [len(case.text)]
    assert len(cuts) > len(theirs) * 0.6
    for start, end in pairwise(cuts):
        here = [part for part in ours if start <= part[0] < end]
        there = [part for part in theirs if start <= part[0] < end]
        assert {part[2] for part in here} == {part[1] for part in there}, f"{case.text[start:end]!r} stands on another line"
        left, right = min(part[3] for part in here), max(part[4] for part in here)
        assert left == pytest.approx(min(part[2] for part in there) / 10, abs=_NEAR), case.text[start:end]
        assert right == pytest.approx(max(part[3] for part in there) / 10, abs=_NEAR), case.text[start:end]
