"""Seams: segments drawn apart are joined only where the one goes on where the other ends."""

from fractions import Fraction

import msgspec
import numpy as np
import pytest

from node_worker.encode.assemble import assemble
from node_worker.encode.luma import COLUMNS, ROWS
from node_worker.encode.seams import edge, torn
from node_worker.encode.segment import SegmentJob
from node_worker.engines.base import TemplateRefused
from tests.unit.encode.conftest import draw, files, jobs

RATE = Fraction(30)


def with_before(wanted: list[SegmentJob]) -> list[SegmentJob]:
    return [msgspec.structs.replace(one, before=float((one.first - 1) / RATE) if one.first else None) for one in wanted]


def drawn_apart(folder, quality="draft"):
    """Three segments of one scene, each by a pipeline of its own."""
    return files([draw([one], RATE, quality)[0] for one in with_before(jobs(folder, [30, 30, 30], RATE))])


@pytest.mark.parametrize("quality", ["draft", "high"])
def test_segments_drawn_apart_belong_together(tmp_path, quality):
    segments = drawn_apart(tmp_path, quality)
    assert [bool(one.before) for one in segments] == [False, True, True] and all(one.last for one in segments)
    assert assemble(segments, tmp_path / "out.mp4", RATE).frames == 90


def test_a_segment_drawn_after_another_knows_the_frame_before_it_without_drawing_it_twice(tmp_path):
    folders = [tmp_path / "apart", tmp_path / "together"]
    for folder in folders:
        folder.mkdir()
    together = draw(with_before(jobs(folders[1], [30, 30, 30], RATE)), RATE)
    assert [one.before for one in together] == [one.before for one in drawn_apart(folders[0])]


def test_a_scene_has_nothing_before_its_first_frame(tmp_path):
    assert draw(with_before(jobs(tmp_path, [10], RATE)), RATE)[0].before == ""


@pytest.mark.parametrize("order", [(0, 2), (1, 1), (2, 1, 2)])
def test_segments_in_the_wrong_order_are_refused_at_their_seam(tmp_path, order):
    segments = drawn_apart(tmp_path)
    with pytest.raises(TemplateRefused) as refused:
        assemble([segments[at] for at in order], tmp_path / "out.mp4", RATE)
    assert (refused.value.code, refused.value.field) == ("segment.seam", "segments.1")
    assert not (tmp_path / "out.mp4").exists()


def test_edges_that_are_not_known_or_not_comparable_say_nothing():
    picture = np.full((ROWS, COLUMNS), 90, np.int16)
    tiny = np.full((2, 2), 16, np.int16)
    for last, before in [("", edge(picture)), (edge(picture), ""), (edge(picture), edge(tiny)), ("no base64!", edge(picture))]:
        assert torn(last, before) == ""


def test_an_edge_is_torn_by_a_change_at_one_place_and_not_by_what_encoding_changes():
    picture = np.full((ROWS, COLUMNS), 90, np.int16)
    noisy, other = picture + 1, picture.copy()
    other[8:12, 8:12] = 200
    assert torn(edge(picture), edge(noisy)) == ""
    assert "110 at one place" in torn(edge(picture), edge(other))
    assert len(edge(picture)) <= 400
