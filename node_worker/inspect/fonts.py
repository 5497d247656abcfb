"""Fonts: their names, and that they hold outlines and a character map; web fonts are unpacked first."""

import io
import struct
from pathlib import Path

import msgspec
from fontTools.ttLib import TTCollection, TTFont, TTLibError

from node_worker.engines.base import TemplateRefused
from node_worker.inspect.facts import FontFace, Inspection
from node_worker.inspect.webfonts import MAX_FONT, MOST_FACES, unpack

LARGEST = MAX_FONT

_AT_START = ((b"\x00\x01\x00\x00", "ttf"), (b"true", "ttf"), (b"OTTO", "otf"), (b"ttcf", "ttc"), (b"wOFF", "woff"), (b"wOF2", "woff2"))


def format_of(head: bytes) -> str | None:
    """Name the font format of a file that begins with `head`, or None."""
    return next((name for magic, name in _AT_START if head.startswith(magic)), None)


def inspect_font(path: Path, name: str, found: Inspection) -> Inspection:
    """Read every face's names. Raises TemplateRefused font.too_large or font.unreadable."""
    if found.bytes > LARGEST:
        raise TemplateRefused("font.too_large", f"{found.bytes} bytes: the largest is {LARGEST}")
    try:
        faces = _faces(path, name)
    except (TTLibError, struct.error, AssertionError, KeyError, IndexError, ValueError, TypeError, AttributeError, EOFError) as error:
        raise TemplateRefused("font.unreadable", f"the font is damaged ({type(error).__name__}: {error}); export it anew") from error
    return msgspec.structs.replace(found, kind="font", format=name, fonts=faces)


def _faces(path: Path, name: str) -> tuple[FontFace, ...]:
    if name != "ttc":
        with TTFont(io.BytesIO(unpack(path.read_bytes())) if name in ("woff", "woff2") else path, lazy=True) as font:
            return (_face(font),)
    with TTCollection(path, lazy=True) as collection:
        if len(collection.fonts) > MOST_FACES:
            raise TemplateRefused("font.too_large", f"{len(collection.fonts)} faces: the most is {MOST_FACES}")
        return tuple(_face(font) for font in collection.fonts)


def _face(font: TTFont) -> FontFace:
    """Read the names of a face, preferring the typographic ones, after making sure that it can be drawn with."""
    if not any(table in font for table in ("glyf", "CFF ", "CFF2")):
        raise ValueError("it has no outlines")
    if not font.getBestCmap() or font["maxp"].numGlyphs < 1:
        raise ValueError("it has no characters")
    names = font["name"]

    def first(*numbers: int) -> str:
        return next((text for number in numbers if (text := names.getDebugName(number))), "")

    face = FontFace(family=first(16, 1), style=first(17, 2), full=first(4), postscript=first(6))
    if not face.family:
        raise ValueError("it has no name")
    return face
