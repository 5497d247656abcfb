"""What encoding takes and tells: plain values that the daemon can hold without loading an encoder."""

import msgspec

UNSTEADY = "unsteady"


class SegmentCheck(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What decoding a segment showed; `reason` is "" or missing_frames, black, blank, frozen, different, undecodable, unsteady.

    unsteady: what was encoded is what was drawn, but a second drawing showed another picture.
    """

    ok: bool
    frames: int  # decoded
    worst_mean: float = 0.0  # the largest mean difference of any frame, in luma steps
    worst_cell: int = 0  # the largest difference of any cell of any frame
    reason: str = ""
    frame: int = -1  # the first bad frame, counted within the segment
    last: str = ""  # what it ends with, as an edge (seams.py)


class FinishedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment on disk with its check; a segment whose check is not ok must not be used."""

    key: str
    path: str
    sha256: str
    bytes: int
    frames: int
    check: SegmentCheck
    before: str = ""  # the scene's frame before the first one, as drawn here, as an edge (seams.py)


class SegmentFile(msgspec.Struct, frozen=True, kw_only=True):
    """A verified segment on this node's disk, in the order of the video."""

    path: str
    sha256: str
    frames: int
    before: str = ""  # see FinishedSegment
    last: str = ""  # see SegmentCheck


class ExportFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a verified export is."""

    frames: int
    duration: float  # seconds
    bytes: int
    sha256: str
    video_packets_sha256: str
    streams: tuple[str, ...]  # codec names: ("h264",) or ("h264", "aac")
