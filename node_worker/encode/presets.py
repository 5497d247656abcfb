"""What each quality means to the encoder, and the string that names every version that can change a byte of its output."""

import io
import platform
import re
from fractions import Fraction
from functools import cache

import av
import msgspec
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream

from contracts.spec import Quality

REVISION = 2  # raise it whenever a change here or in segment.py can change a segment's bytes


class Preset(msgspec.Struct, frozen=True):
    """An x264 speed preset, its constant rate factor (lower is better), and what is set otherwise than the preset has it."""

    x264: str
    crf: float
    parameters: str = ""


# Chosen from the table in docs/decisions/0059. subme is how finely motion is looked for, which the pictures of templates, moved by whole
# vectors and flat, repay least of all that x264 does.
PRESETS: dict[Quality, Preset] = {
    "draft": Preset("ultrafast", 28),
    "standard": Preset("veryfast", 20.8, "subme=1"),
    "high": Preset("faster", 17.4, "subme=2"),
}

# One thread: more would make the bytes depend on their number; the keyframe interval is the segment, so x264 must add none.
# The chroma location is the middle of the four pixels, as the conversion puts it.
X264_PARAMETERS = ":".join(
    (
        "keyint=infinite:scenecut=0:open-gop=0:intra-refresh=0",
        "threads=1:lookahead-threads=1:sliced-threads=0:cpu-independent=1",
        "chromaloc=1:force-cfr=1",
    )
)

BITEXACT = {"fflags": "+bitexact"}  # no dates and no version strings in a container


def add_video_stream(container: av.container.OutputContainer, size: tuple[int, int], rate: Fraction, preset: Preset) -> VideoStream:
    """Add an H.264 stream with one closed GOP, BT.709 tags and a time base of one frame to `container`."""
    options = {"preset": preset.x264, "crf": str(preset.crf), "x264-params": ":".join(filter(None, (X264_PARAMETERS, preset.parameters)))}
    stream = container.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.time_base = 1 / rate
    context = stream.codec_context
    context.time_base = 1 / rate
    context.thread_count = 1
    context.color_range = ColorRange.MPEG
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    return stream


@cache
def x264_version() -> str:
    """Read x264's own name for its build from the note that it leaves in its first frame."""
    data = io.BytesIO()
    with av.open(data, "w", format="h264", options=BITEXACT) as container:
        stream = add_video_stream(container, (32, 32), Fraction(25), PRESETS["draft"])
        container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode(None))
    found = re.search(rb"x264 - core (\d+[ \w]*)", data.getvalue())
    return found.group(1).decode().strip() if found else "unknown"


@cache
def encoder_build() -> str:
    """Name the encoder's build: part of a segment's content key, since other builds give other bytes."""
    ffmpeg = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return f"av {av.__version__}; libavcodec {ffmpeg}; x264 {x264_version()}; {platform.machine()}; r{REVISION}"
