"""What inspecting an uploaded file found."""

from typing import Literal

import msgspec

from contracts.spec import ScanResult

FileKind = Literal["template", "picture", "audio", "video", "font", "unknown"]


class FontFace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The names of one face in a font file."""

    family: str
    style: str = ""
    full: str = ""
    postscript: str = ""


class Inspection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file's kind and what is known of it; fields that its kind does not have are empty."""

    kind: FileKind
    format: str  # "png", "mp3", "ttf", "dotlottie-2", …; "" if unknown
    sha256: str
    bytes: int
    width: int = 0
    height: int = 0
    duration: float = 0.0  # seconds
    fonts: tuple[FontFace, ...] = ()
    scan: ScanResult | None = None
