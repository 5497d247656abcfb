"""Decode a finished segment and compare it with what was drawn: every frame there, none black, blank, frozen or different."""

import io
from collections.abc import Sequence

import av
import numpy as np
import numpy.typing as npt

from node_worker.encode.facts import SegmentCheck
from node_worker.encode.luma import Luma, luma_picture
from node_worker.encode.seams import edge

# Tolerances in luma steps of 255. Of 29 real templates the worst at any quality were 0.5 and 16; full-range noise, the worst
# that an encoder can be given, stays below both too (tests/unit/encode).
MEAN_TOLERANCE = 4.0
CELL_TOLERANCE = 48
BLACK = 18  # a decoded frame with no cell above this is black (16 is black in BT.709)
FLAT = 2  # a frame whose cells differ by at most this is blank
MOVED = 1.5  # a drawn frame whose cells changed by more than this on average ...
STILL = 0.2  # ... must not decode to a change of less than this


def check_segment(data: bytes, drawn: Sequence[Luma]) -> SegmentCheck:
    """Decode `data` (a whole segment file) and compare each frame with the luma picture of the drawn one."""
    try:
        decoded = decode_luma(data)
    except av.FFmpegError:
        return SegmentCheck(ok=False, frames=0, reason="undecodable")
    if len(decoded) != len(drawn):
        return SegmentCheck(ok=False, frames=len(decoded), reason="missing_frames", frame=min(len(decoded), len(drawn)))
    if not decoded:
        return SegmentCheck(ok=False, frames=0, reason="missing_frames", frame=0)
    return compare(np.stack(decoded), np.stack(drawn))


def decode_luma(data: bytes) -> list[Luma]:
    """Return the luma picture of every frame of a segment, in the order of presentation."""
    with av.open(io.BytesIO(data), "r", format="mov") as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        # Frames that no other builds on need no smoothing of block edges: an eighth less work, differences below 0.01 steps.
        stream.codec_context.options = {"skip_loop_filter": "noref"}
        return [luma_picture(frame) for frame in container.decode(stream)]


def compare(decoded: Luma, drawn: Luma) -> SegmentCheck:
    """Judge decoded against drawn pictures, both (frames, rows, columns); the first bad frame is named with its reason."""
    difference = np.abs(decoded - drawn)
    means, cells = difference.mean(axis=(1, 2)), difference.max(axis=(1, 2))
    black = (decoded.max(axis=(1, 2)) <= BLACK) & (drawn.max(axis=(1, 2)) > BLACK + CELL_TOLERANCE // 2)
    blank = (np.ptp(decoded, axis=(1, 2)) <= FLAT) & (np.ptp(drawn, axis=(1, 2)) > FLAT + CELL_TOLERANCE // 2)
    frozen = np.zeros(len(decoded), bool)
    frozen[1:] = (_motion(decoded) < STILL) & (_motion(drawn) > MOVED)
    different = (means > MEAN_TOLERANCE) | (cells > CELL_TOLERANCE)
    reason, frame = "", -1
    reasons = {"black": black, "blank": blank, "frozen": frozen, "different": different}
    wrong = np.logical_or.reduce(list(reasons.values()))
    if wrong.any():
        frame = int(np.argmax(wrong))
        reason = next(name for name, bad in reasons.items() if bad[frame])
    return SegmentCheck(
        ok=not reason,
        frames=len(decoded),
        worst_mean=round(float(means.max()), 3),
        worst_cell=int(cells.max()),
        reason=reason,
        frame=frame,
        last=edge(decoded[-1]),
    )


def _motion(pictures: Luma) -> npt.NDArray[np.float64]:
    """Mean absolute change from each frame to the next, in luma steps."""
    moved: npt.NDArray[np.float64] = np.abs(np.diff(pictures, axis=0)).mean(axis=(1, 2))
    return moved
