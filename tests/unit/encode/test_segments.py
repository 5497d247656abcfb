"""Segments: complete, the same every time, whatever they are drawn beside, and never half there."""

import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from node_worker.encode.conversion import Converter
from node_worker.encode.presets import encoder_build
from node_worker.encode.progress import Progress
from node_worker.encode.segment import SegmentJob, SegmentPipeline, write_whole
from node_worker.engines.base import Pixels, TemplateRefused
from tests.unit.encode.conftest import SIZE, draw, jobs
from tests.unit.enginehost.synthetic import SyntheticScene

RATE = Fraction(30)


def decoded(path: str) -> list[np.ndarray]:
    with av.open(path) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


@pytest.mark.parametrize("quality", ["draft", "standard", "high"])
def test_a_segment_holds_every_frame_and_passes_its_check(tmp_path, quality):
    finished = draw(jobs(tmp_path, [30, 7, 1], RATE), RATE, quality)
    assert [(one.key, one.frames, one.check.ok) for one in finished] == [("0", 30, True), ("30", 7, True), ("37", 1, True)]
    assert [len(decoded(one.path)) for one in finished] == [30, 7, 1]


@pytest.mark.parametrize("quality", ["draft", "standard", "high"])
def test_a_segment_has_one_keyframe_at_its_start(tmp_path, quality):
    (finished,) = draw(jobs(tmp_path, [60], RATE), RATE, quality)
    with av.open(finished.path) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert keys == [True] + [False] * 59


def test_the_same_segment_has_the_same_bytes_whatever_is_drawn_before_it(tmp_path):
    folders = [tmp_path / name for name in ("whole", "alone")]
    for folder in folders:
        folder.mkdir()
    whole = draw(jobs(folders[0], [13, 30, 21], RATE), RATE, "standard")
    alone = draw(jobs(folders[1], [30], RATE, first=13), RATE, "standard")
    assert alone[0].sha256 == whole[1].sha256


def test_four_uneven_runs_give_the_frames_of_one_run(tmp_path):
    grid = [30] * 6 + [20]
    one_folder, runs_folder = tmp_path / "one", tmp_path / "runs"
    one_folder.mkdir()
    runs_folder.mkdir()
    one = draw(jobs(one_folder, grid, RATE), RATE)
    wanted = jobs(runs_folder, grid, RATE)
    runs = [segment for part in (wanted[:1], wanted[1:4], wanted[4:6], wanted[6:]) for segment in draw(part, RATE)]
    left = [frame for segment in one for frame in decoded(segment.path)]
    right = [frame for segment in runs for frame in decoded(segment.path)]
    assert len(left) == 200
    assert all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


class FlatScene:
    """One colour over the whole picture."""

    warnings = ()
    computed = False

    def draw(self, seconds: float, into: Pixels) -> None:
        into[...] = (200, 30, 60, 255)

    def close(self) -> None: ...


def test_colours_are_bt709_in_limited_range_and_tagged_so(tmp_path):
    list(SegmentPipeline(FlatScene(), SIZE, RATE, "standard").run(jobs(tmp_path, [3], RATE)))
    with av.open(tmp_path / "0.mp4") as container:
        frame = next(container.decode(video=0))
    assert (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc) == (1, 1, 1, 1)
    pixel = frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()[90, 160]
    assert np.abs(pixel.astype(int) - (200, 30, 60)).max() <= 3


def test_a_converted_picture_stays_when_the_next_is_drawn(tmp_path):
    pixels = np.full((36, 64, 4), 255, np.uint8)
    converter = Converter(pixels)
    kept = [converter.convert()]
    for shade in (200, 100, 0):
        pixels[..., :3] = shade
        kept.append(converter.convert())
    assert [frame.to_ndarray()[0, 0] for frame in kept] == [235, 188, 102, 16]


@pytest.mark.parametrize("size", [(6, 8), (70, 46), (320, 180)])
def test_chroma_is_the_average_of_four_pixels(size):
    random = np.random.default_rng(2)
    pixels = np.full((size[1], size[0], 4), 255, np.uint8)
    pixels[..., :3] = random.integers(0, 256, (size[1], size[0], 3))
    planes = Converter(pixels).convert().to_ndarray()
    red, green, blue = (pixels[..., channel] / 255 for channel in range(3))
    luma = 16 + 219 * (0.2126 * red + 0.7152 * green + 0.0722 * blue)
    assert np.abs(planes[: size[1]] - luma).max() <= 0.6
    blueness = 128 + 224 * (blue - (luma - 16) / 219) / 1.8556
    expected = blueness.reshape(size[1] // 2, 2, size[0] // 2, 2).mean(axis=(1, 3))
    found = planes[size[1] :].ravel()[: expected.size].reshape(expected.shape)
    assert np.abs(found - expected).max() <= 0.8


@pytest.mark.parametrize(("size", "field"), [((321, 180), "width"), ((320, 0), "height"), ((320, 181), "height"), ((9000, 180), "width")])
def test_a_size_that_cannot_be_encoded_is_refused_by_its_field(size, field):
    with pytest.raises(TemplateRefused) as refused:
        SegmentPipeline(FlatScene(), size, RATE, "draft")
    assert (refused.value.code, refused.value.field) == ("render.size", field)


class FailingScene(FlatScene):
    def draw(self, seconds: float, into: Pixels) -> None:
        if seconds > 0.5:
            raise RuntimeError("cannot draw")


def test_an_error_while_drawing_is_raised_and_no_thread_is_left(tmp_path):
    before = threading.active_count()
    with pytest.raises(RuntimeError, match="cannot draw"):
        list(SegmentPipeline(FailingScene(), SIZE, RATE, "draft").run(jobs(tmp_path, [30], RATE)))
    assert threading.active_count() == before
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_writing_is_raised_to_who_draws(tmp_path):
    before = threading.active_count()
    with pytest.raises(FileNotFoundError):
        draw(jobs(tmp_path / "nowhere", [30] * 9, RATE), RATE)
    assert threading.active_count() == before


def test_leaving_early_ends_the_threads(tmp_path):
    before = threading.active_count()
    running = SegmentPipeline(FlatScene(), SIZE, RATE, "draft").run(jobs(tmp_path, [5] * 50, RATE))
    next(running)
    running.close()
    assert threading.active_count() == before


def test_a_segment_without_frames_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no frames"):
        draw([SegmentJob(key="k", first=0, seconds=(), output=str(tmp_path / "k.mp4"))], RATE)


def test_each_frame_is_told_before_and_after_it_is_drawn(tmp_path):
    told = []

    class Listener(Progress):
        def drawing(self, frame: int) -> None:
            told.append(("drawing", frame))

        def drawn(self, frame: int) -> None:
            told.append(("drawn", frame))

    list(SegmentPipeline(SyntheticScene("calm", SIZE), SIZE, RATE, "draft", Listener()).run(jobs(tmp_path, [2, 1], RATE, first=40)))
    assert told == [(what, frame) for frame in (40, 41, 42) for what in ("drawing", "drawn")]


def test_a_file_that_cannot_be_written_whole_is_not_there(tmp_path):
    target = tmp_path / "folder"
    target.mkdir()
    (target / "in the way").touch()
    with pytest.raises(OSError):
        write_whole(target, b"segment")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_the_encoders_build_names_x264_and_the_architecture():
    import platform

    assert platform.machine() in encoder_build()
    assert "x264 unknown" not in encoder_build()


def test_paths_may_hold_spaces_and_persian_letters(tmp_path):
    folder = Path(tmp_path / "یک پوشه")
    folder.mkdir()
    assert draw(jobs(folder, [4], RATE), RATE)[0].check.ok
