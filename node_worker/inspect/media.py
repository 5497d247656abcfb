"""Sounds and films, of which a render uses the sound: the container's facts, and some decoded pieces as proof that it can be heard."""

from pathlib import Path

import av
import msgspec
from av.container import InputContainer

from node_worker.encode.media import container_of, open_media
from node_worker.engines.base import TemplateRefused
from node_worker.inspect.facts import Inspection

LONGEST = 4 * 3600.0  # seconds
LARGEST_SIDE = 8_192
ENOUGH, PIECES = 8, 32  # decoded pieces that prove a file; packets that are looked at

format_of = container_of


def inspect_media(path: Path, name: str, found: Inspection) -> Inspection:
    """Tell a sound's or film's length, and a film's size. Raises TemplateRefused audio.…, video.…, media.too_long."""
    try:
        with open_media(path) as container:
            films = [stream for stream in container.streams.video if not _is_cover(stream)]
            if not films and not container.streams.audio:
                raise TemplateRefused("audio.unreadable", "the file holds neither sound nor film; choose another file")
            width, height = (films[0].codec_context.width, films[0].codec_context.height) if films else (0, 0)
            if max(width, height) > LARGEST_SIDE:
                raise TemplateRefused("video.too_large", f"{width} x {height} pixels: the largest side is {LARGEST_SIDE}; scale it down")
            if not container.streams.audio:
                raise TemplateRefused("video.silent", "the film has no sound, which is all that is used of it; choose one that has")
            _decode_some(container, container.streams.audio[0])
            duration = _duration(container)
    except av.FFmpegError as error:
        kind = "audio" if name in ("mp3", "flac", "ogg", "wav", "aiff", "caf", "aac") else "video"
        raise TemplateRefused(f"{kind}.unreadable", f"the file is damaged ({error.strerror}); save it anew") from error
    if duration > LONGEST:
        raise TemplateRefused("media.too_long", f"{duration:.0f} s: the longest is {LONGEST:.0f} s; cut it")
    return msgspec.structs.replace(
        found, kind="video" if films else "audio", format="mp4" if name == "mov" else name, width=width, height=height, duration=duration
    )


def _is_cover(stream: av.stream.Stream) -> bool:
    """Say whether a film track is only the picture on a record's sleeve."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _decode_some(container: InputContainer, stream: av.stream.Stream) -> None:
    """Decode the first pieces. Single damaged packets are left out, as players do; where most are, chance bytes look like sound."""
    good = bad = 0
    for packet in container.demux(stream):
        try:
            good += bool(packet.decode())
        except av.error.InvalidDataError:
            bad += 1
        if good >= ENOUGH or good + bad >= PIECES:
            break
    if good == 0 or bad > good:
        raise TemplateRefused("audio.unreadable", "no sound in the file can be decoded; save it anew")


def _duration(container: InputContainer) -> float:
    """The container's length in seconds, or where it tells none, the end of the last packet."""
    if container.duration:
        return container.duration / av.time_base
    container.seek(0)
    end = 0.0
    for packet in container.demux():
        if packet.pts is not None and packet.time_base:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return end
