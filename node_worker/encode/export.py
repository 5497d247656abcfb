"""Verify a finished video by its packets: the same payloads as the verified segments, evenly spaced, and decodable."""

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from node_worker.encode.facts import ExportFacts
from node_worker.engines.base import TemplateRefused


class PayloadHash:
    """SHA-256 over packets' payloads in order, each preceded by its length in eight bytes."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, packet: "Packet[VideoStream]") -> None:
        self._hash.update(packet.size.to_bytes(8, "big"))
        self._hash.update(packet)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def verify_export(path: Path, rate: Fraction, counts: Sequence[int], payloads: str) -> ExportFacts:
    """Compare the file with the segments' frame counts and payload hash. Raises TemplateRefused export.damaged."""
    total = sum(counts)
    with av.open(path) as container:
        found = _check_packets(container, rate, total)
        if found != payloads:
            raise _damaged("its packets are not those of the verified segments")
        first, last = _decoded(container, 0, counts[0], rate), _decoded(container, total - counts[-1], counts[-1], rate)
        if (first, last) != (counts[0], counts[-1]):
            raise _damaged(f"its first and last segments decode to {first} and {last} frames, not {counts[0]} and {counts[-1]}")
        streams = tuple(stream.codec_context.name for stream in container.streams)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ExportFacts(
        frames=total, duration=float(total / rate), bytes=path.stat().st_size, sha256=digest, video_packets_sha256=found, streams=streams
    )


def _check_packets(container: InputContainer, rate: Fraction, total: int) -> str:
    """Read every video packet; return the hash of their payloads."""
    payloads, shown, decoded = PayloadHash(), [], []
    stream = container.streams.video[0]
    for packet in container.demux(stream):
        if not packet.size:
            continue
        payloads.add(packet)
        shown.append((packet.pts or 0) * packet.time_base * rate)
        decoded.append((packet.dts or 0) * packet.time_base * rate)
    if sorted(shown) != list(range(total)):
        raise _damaged(f"it holds {len(shown)} frames, not {total} evenly spaced ones")
    if any(later - earlier != 1 for earlier, later in pairwise(decoded)):
        raise _damaged("its packets are not evenly spaced")
    return payloads.hexdigest()


def _decoded(container: InputContainer, first: int, count: int, rate: Fraction) -> int:
    """Decode from frame `first` and count the frames that come at their times, up to `count`."""
    stream = container.streams.video[0]
    container.seek(round(first / rate / (stream.time_base or 1)), stream=stream, backward=True)
    found = 0
    for frame in container.decode(stream):
        number = round(Fraction(frame.pts or 0) * (frame.time_base or 0) * rate)
        found += first <= number < first + count
        if found == count:
            break
    return found


def _damaged(detail: str) -> TemplateRefused:
    return TemplateRefused("export.damaged", f"the finished video is not whole: {detail}; start the render again")
