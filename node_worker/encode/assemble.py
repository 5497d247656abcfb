"""Join verified segments by packet copy, lay the mixed sound under them, and verify the export by its packets."""

import hashlib
import heapq
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import msgspec
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from contracts.spec import AudioTrack
from node_worker.encode.export import PayloadHash, verify_export
from node_worker.encode.facts import ExportFacts, SegmentFile
from node_worker.encode.mix import mix
from node_worker.encode.presets import BITEXACT
from node_worker.encode.progress import Progress
from node_worker.encode.seams import torn
from node_worker.encode.sound import SAMPLE_RATE
from node_worker.engines.base import TemplateRefused

AUDIO_BIT_RATE = 192_000
LARGEST_TIMESCALE = 10_000_000
DAMAGED, SEAM = "segment.damaged", "segment.seam"

VideoPacket: TypeAlias = "Packet[VideoStream]"
AnyPacket: TypeAlias = "Packet[VideoStream] | Packet[AudioStream]"


class Joined(msgspec.Struct, frozen=True):
    """What reading all segments once showed."""

    payloads: str  # SHA-256 over the packets' payloads, see PayloadHash
    delay: int  # frames by which decoding must begin before presentation (B-frames)


def assemble(
    segments: Sequence[SegmentFile],
    output: Path,
    rate: Fraction,
    audio: Sequence[AudioTrack] = (),
    paths: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> ExportFacts:
    """Write `output` (an MP4 that starts to play before it is loaded) and return what its verification found.

    `paths` gives the file of each track's SHA-256. Raises TemplateRefused (segment.damaged, segment.seam,
    audio.unreadable, export.damaged) and OSError with its errno; `output` is then not there.
    """
    if not segments:
        raise ValueError("there are no segments to assemble")
    partial = output.with_name(output.name + ".part")
    try:
        joined = inspect_segments(segments, rate)
        _write(partial, segments, joined, rate, audio, paths or {}, progress or Progress())
        facts = verify_export(partial, rate, [segment.frames for segment in segments], joined.payloads)
        os.replace(partial, output)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return facts


def timescale(rate: Fraction) -> int:
    """Ticks per second in which every frame and every audio sample is a whole number (of frames only, for odd rates)."""
    common = math.lcm(rate.numerator, SAMPLE_RATE)
    return common if common <= LARGEST_TIMESCALE else rate.numerator * max(1, 10_000 // rate.numerator)


def inspect_segments(segments: Sequence[SegmentFile], rate: Fraction) -> Joined:
    """Check every file: its hash, its frames, how it follows the one before. Raises TemplateRefused (segment.damaged, segment.seam)."""
    payloads, delay, header, last = PayloadHash(), 0, b"", ""
    for number, segment in enumerate(segments):
        if reason := torn(last, segment.before):
            raise TemplateRefused(SEAM, f"segment {number}: {reason}; draw it again", f"segments.{number}")
        last = segment.last
        data = Path(segment.path).read_bytes()
        if hashlib.sha256(data).hexdigest() != segment.sha256:
            raise _damaged(number, "its bytes are not those that were verified")
        try:
            extradata, packets = _read(segment, rate)
        except (av.FFmpegError, IndexError) as error:
            raise _damaged(number, "it is no video") from error
        header = header or extradata
        if extradata != header:
            raise _damaged(number, "another encoder build made it than the first one")
        order = list(enumerate(packets))
        if sorted(packet.pts or 0 for _, packet in order) != list(range(segment.frames)):
            raise _damaged(number, f"it holds {len(order)} frames, not {segment.frames} in a row")
        delay = max([delay, *(index - (packet.pts or 0) for index, packet in order)])
        for _, packet in order:
            payloads.add(packet)
    return Joined(payloads.hexdigest(), delay)


def _read(segment: SegmentFile, rate: Fraction) -> tuple[bytes, list[VideoPacket]]:
    """The encoder's header and all packets. Raises av.FFmpegError, IndexError for a file without a picture."""
    with av.open(segment.path) as container:
        stream = container.streams.video[0]
        return bytes(stream.codec_context.extradata or b""), list(_packets(container, stream, rate))


def _write(
    path: Path,
    segments: Sequence[SegmentFile],
    joined: Joined,
    rate: Fraction,
    audio: Sequence[AudioTrack],
    paths: Mapping[str, str],
    progress: Progress,
) -> None:
    ticks = str(timescale(rate))
    options = BITEXACT | {"movflags": "+faststart", "video_track_timescale": ticks, "movie_timescale": ticks}
    with av.open(path, "w", format="mp4", options=options) as container:
        with av.open(segments[0].path) as first:
            video = container.add_stream_from_template(first.streams.video[0])
        video.time_base = 1 / rate
        sources: list[Iterator[AnyPacket]] = [_video_packets(video, segments, rate, joined.delay)]
        if any(track.volume > 0 for track in audio):
            frames = sum(segment.frames for segment in segments)
            sources.append(_audio_packets(container, audio, paths, round(frames / rate * SAMPLE_RATE), progress))
        written = 0
        for packet in heapq.merge(*sources, key=lambda packet: (packet.dts or 0) * packet.time_base):
            container.mux_one(packet)
            if packet.stream is video:
                written += 1
                progress.drawn(written)


def _video_packets(video: VideoStream, segments: Sequence[SegmentFile], rate: Fraction, delay: int) -> Iterator[VideoPacket]:
    """Yield every segment's packets with their place on the whole timeline, in units of one frame."""
    first = 0
    for segment in segments:
        with av.open(segment.path) as container:
            for index, packet in enumerate(_packets(container, container.streams.video[0], rate)):
                packet.stream = video
                packet.time_base = 1 / rate
                packet.pts, packet.dts, packet.duration = first + (packet.pts or 0), first + index - delay, 1
                yield packet
        first += segment.frames


def _packets(container: InputContainer, stream: VideoStream, rate: Fraction) -> Iterator[VideoPacket]:
    """Yield a segment's packets in the order of decoding, pts counted in frames."""
    for packet in container.demux(stream):
        if packet.size and packet.pts is not None:
            packet.pts = round(packet.pts * packet.time_base * rate)
            yield packet


def _audio_packets(
    container: OutputContainer, tracks: Sequence[AudioTrack], paths: Mapping[str, str], total: int, progress: Progress
) -> Iterator[AnyPacket]:
    """Add an AAC stream now; yield its packets as they are asked for."""
    stream = container.add_stream("aac", rate=SAMPLE_RATE, options={"flags": "+bitexact"}, layout="stereo", bit_rate=AUDIO_BIT_RATE)
    stream.time_base = Fraction(1, SAMPLE_RATE)

    def packets() -> Iterator[AnyPacket]:
        for frame in mix(tracks, paths, total, progress):
            frame.time_base = Fraction(1, SAMPLE_RATE)
            yield from stream.encode(frame)
        yield from stream.encode(None)

    return packets()


def _damaged(number: int, detail: str) -> TemplateRefused:
    return TemplateRefused(DAMAGED, f"segment {number}: {detail}; draw it again", f"segments.{number}")
