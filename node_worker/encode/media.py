"""Open a person's sound or film: its container is told from its first bytes, never guessed by what a demuxer would accept."""

from pathlib import Path

import av
from av.container import InputContainer

HEAD = 4096  # bytes looked at

_AT_START = (
    (b"ID3", "mp3"),
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"\x1aE\xdf\xa3", "matroska"),
    (b"caff", "caf"),
)
_IN_RIFF = {b"WAVE": "wav", b"AVI ": "avi"}
_PICTURE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")


def container_of(head: bytes) -> str | None:
    """Name the demuxer for a file that begins with `head`, or None if it is no sound or film that we take."""
    for magic, name in _AT_START:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF":
        return _IN_RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] == b"ftyp":
        return None if head[8:12] in _PICTURE_BRANDS else "mov"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "aac" if head[1] & 0x06 == 0 else "mp3"  # ADTS has layer 0, MPEG audio 1 to 3
    return None


def open_media(path: Path) -> InputContainer:
    """Open a file with the demuxer that its first bytes name, without access to any other file or address.

    Raises av.error.InvalidDataError if it is no sound or film, other av.FFmpegError if it is broken, OSError if it is not there.
    """
    with path.open("rb") as file:
        name = container_of(file.read(HEAD))
    if name is None:
        raise av.error.InvalidDataError(av.error.tag_to_code(b"INDA"), "neither sound nor film", str(path))
    # A list or playlist inside a container could name other files; only this one may be opened.
    return av.open(path, format=name, options={"protocol_whitelist": "file"})
