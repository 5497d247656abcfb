"""The check of a segment: what must fail does, and what an encoder loses by right does not."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from node_worker.encode.conversion import Converter
from node_worker.encode.luma import luma_picture
from node_worker.encode.presets import BITEXACT, PRESETS, add_video_stream
from node_worker.encode.verify import check_segment, compare, decode_luma

SIZE = (320, 180)


def encoded(pictures: list[np.ndarray], quality: str = "draft") -> tuple[bytes, list[np.ndarray]]:
    """Encode RGB pictures; return the segment and the luma pictures of what was encoded."""
    data, drawn = io.BytesIO(), []
    with av.open(data, "w", format="mp4", options=BITEXACT) as container:
        stream = add_video_stream(container, pictures[0].shape[1::-1], Fraction(30), PRESETS[quality])
        for index, picture in enumerate(pictures):
            opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
            frame = Converter(np.ascontiguousarray(opaque)).convert()
            frame.pts, frame.time_base = index, Fraction(1, 30)
            drawn.append(luma_picture(frame))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return data.getvalue(), drawn


def moving(count: int = 10) -> list[np.ndarray]:
    pictures = []
    for index in range(count):
        picture = np.full((180, 320, 3), 240, np.uint8)
        picture[40:140, index * 20 : index * 20 + 100] = (20, 40, 60)
        pictures.append(picture)
    return pictures


BLACK, GREY = np.zeros((180, 320, 3), np.uint8), np.full((180, 320, 3), 120, np.uint8)


def check_when_frame_five_is(picture: np.ndarray):
    wrong = moving()
    wrong[5] = picture
    return check_segment(encoded(wrong)[0], encoded(moving())[1])


def test_what_was_drawn_passes():
    check = check_segment(*encoded(moving()))
    assert check.ok and check.frames == 10 and check.reason == ""


@pytest.mark.parametrize(("picture", "reason"), [(BLACK, "black"), (GREY, "blank"), (moving()[4], "frozen"), (moving()[9], "different")])
def test_a_wrong_frame_is_named_with_its_reason(picture, reason):
    check = check_when_frame_five_is(picture)
    assert (check.ok, check.reason, check.frame) == (False, reason, 5)


def test_a_missing_frame_is_told():
    check = check_segment(encoded(moving(9))[0], encoded(moving(10))[1])
    assert (check.ok, check.reason, check.frames) == (False, "missing_frames", 9)


def test_a_damaged_segment_is_undecodable():
    data, drawn = encoded(moving())
    assert check_segment(data[: len(data) // 3], drawn).reason in ("undecodable", "missing_frames")
    assert check_segment(b"not a film", drawn).reason == "undecodable"
    assert check_segment(b"", drawn).reason == "undecodable"


def test_black_still_and_flat_pictures_pass_when_they_were_drawn_so():
    for pictures in ([BLACK] * 8, [GREY] * 8, [moving()[0]] * 8):
        assert check_segment(*encoded(pictures)).ok


@pytest.mark.parametrize("quality", ["draft", "standard", "high"])
def test_noise_at_every_quality_stays_within_the_tolerance(quality):
    random = np.random.default_rng(7)
    pictures = [random.integers(0, 256, (360, 640, 3), dtype=np.uint8) for _ in range(8)]
    check = check_segment(*encoded(pictures, quality))
    assert check.ok, check


@pytest.mark.parametrize("quality", ["draft", "standard", "high"])
def test_fine_text_like_edges_stay_within_the_tolerance(quality):
    random = np.random.default_rng(3)
    page = np.repeat(np.repeat(random.integers(0, 2, (120, 213), dtype=np.uint8) * 255, 3, 0), 3, 1)
    pictures = [np.ascontiguousarray(np.dstack([np.roll(page, (index * 5, index * 3), (0, 1))[:360, :638]] * 3)) for index in range(8)]
    check = check_segment(*encoded(pictures, quality))
    assert check.ok, check


def test_a_shift_of_the_whole_picture_by_one_cell_is_seen():
    pictures = moving()
    check = check_segment(encoded([np.roll(picture, 10, 1) for picture in pictures])[0], encoded(pictures)[1])
    assert check.reason == "different"


@pytest.mark.parametrize("size", [(2, 2), (62, 34), (64, 36), (200, 100), (1080, 1920)])
def test_pictures_of_any_size_have_a_luma_picture(size):
    frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 255, np.uint8)).reformat(format="yuv420p", dst_colorspace="ITU709")
    picture = luma_picture(frame)
    assert picture.shape == (min(36, size[1]), min(64, size[0]))
    assert set(picture.ravel().tolist()) <= {234, 235}


def test_a_patch_is_the_mean_of_its_pixels():
    y = np.arange(180 * 320).reshape(180, 320).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(np.vstack([y, np.zeros((90, 320), np.uint8)]), "yuv420p")
    narrow = luma_picture(frame)  # cells of 5 x 5: the general way
    assert narrow[3, 7] == y[15:19, 35:40].astype(int).sum() // 20
    y = np.random.default_rng(1).integers(0, 256, (360, 640), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(np.vstack([y, np.zeros((180, 640), np.uint8)]), "yuv420p")
    wide = luma_picture(frame)  # cells of 10 x 10, patches of 8 x 4: eight bytes at a time
    assert wide[2, 5] == y[23:27, 51:59].astype(int).sum() // 32


def test_a_comparison_names_the_first_bad_frame():
    drawn = np.full((4, 36, 64), 100, np.int16)
    decoded = drawn.copy()
    decoded[2:, 0, 0] += 60
    check = compare(decoded, drawn)
    assert (check.reason, check.frame, check.worst_cell) == ("different", 2, 60)


def test_decoding_keeps_the_order_of_presentation():
    data, drawn = encoded(moving(), "high")
    assert [int(np.argmin(picture[18])) for picture in decode_luma(data)] == [int(np.argmin(picture[18])) for picture in drawn]
