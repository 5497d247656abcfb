"""Unpacks web fonts: WOFF by zlib, WOFF 2 by Brotli, into the TrueType or OpenType that they hold.

Formats: WOFF File Format 1.0 and 2.0 (W3C). Sizes are bounded before anything is unpacked, for fonts come from strangers.
"""

import io
import struct
import zlib

import brotli

MAX_FONT = 64 << 20  # bytes, unpacked; the largest collections for Chinese, Japanese and Korean have about 30 MB
MOST_FACES = 64  # of a collection
_MAX_WOFF2 = 4 << 20  # bytes, packed
_MAX_OUTLINES = 3 << 20  # bytes of what outlines are put together of, in Python: a point has two or more and takes 10 us
_HEADER = struct.Struct(">4sIIHHIHHIIIII")
_ENTRY = struct.Struct(">4sIIII")
PACKED = (b"wOFF", b"wOF2")
_OUTLINES = (10, 11)  # the numbers of the tables glyf and loca in WOFF 2
_SPELT = 0x3F  # the number of a table that has none, and whose name follows


def unpack(data: bytes, *, without: frozenset[str] = frozenset()) -> bytes:
    """The font inside a web font, without the tables named. Raises ValueError with words for a person."""
    if data[:4] == b"wOF2":
        return _unpack_2(data)
    try:
        return _unpack_1(data, without)
    except (struct.error, zlib.error, OverflowError) as error:
        raise ValueError("the web font is damaged") from error


def _unpack_1(data: bytes, without: frozenset[str]) -> bytes:
    _, flavour, _, count, _, _, *_ = _HEADER.unpack_from(data)
    tables: list[tuple[bytes, int, bytes]] = []
    left = MAX_FONT
    for index in range(count):
        tag, offset, packed, size, checksum = _ENTRY.unpack_from(data, _HEADER.size + index * _ENTRY.size)
        left -= size
        if left < 0 or offset + packed > len(data):
            raise ValueError("the web font is damaged, or larger than 64 MB")
        table = data[offset : offset + packed]
        if packed < size:
            table = zlib.decompressobj().decompress(table, size)
        if len(table) != size:
            raise ValueError("the web font is damaged")
        if tag.decode("latin-1") not in without:
            tables.append((tag, checksum, table))
    return _font(flavour, tables)


def _font(flavour: int, tables: list[tuple[bytes, int, bytes]]) -> bytes:
    """A font file of its tables, as OpenType's specification lays it out."""
    search = 1 << max(0, len(tables).bit_length() - 1)
    head = struct.pack(">IHHHH", flavour, len(tables), search * 16, max(0, search.bit_length() - 1), max(0, len(tables) - search) * 16)
    place, entries, parts = len(head) + 16 * len(tables), b"", []
    for tag, checksum, table in sorted(tables):
        entries += struct.pack(">4sIII", tag, checksum, place, len(table))
        padded = table + bytes(-len(table) % 4)
        parts.append(padded)
        place += len(padded)
    return head + entries + b"".join(parts)


def _unpack_2(data: bytes) -> bytes:
    if len(data) < 48 or len(data) > _MAX_WOFF2 or int.from_bytes(data[16:20], "big") > MAX_FONT:
        raise ValueError("the web font (WOFF 2) is damaged, or larger than 4 MB; give it as TrueType or OpenType")
    from fontTools.ttLib import TTFont  # an eighth of an engine's start, for a kind of font that few templates bring

    try:
        _check_2(data)
        with TTFont(io.BytesIO(data), lazy=True, recalcBBoxes=False, recalcTimestamp=False) as font:
            font.flavor = None
            made = io.BytesIO()
            font.save(made, reorderTables=None)
            return made.getvalue()
    except ValueError:
        raise
    except Exception as error:  # fontTools raises whatever a damaged table makes of its code
        raise ValueError("the web font is damaged") from error


def _check_2(data: bytes) -> None:
    """Unpack the one stream of all tables within bounds, as fontTools does it without any. Raises ValueError."""
    count, place = int.from_bytes(data[12:14], "big"), 48
    for _ in range(count):
        flags, spelt = data[place], data[place + 1 : place + 5]
        known = flags & 0x3F != _SPELT
        outlines = flags & 0x3F in _OUTLINES if known else spelt in (b"glyf", b"loca")
        place = _skip_number(data, place + (1 if known else 5))
        if flags >> 6 != (3 if outlines else 0):  # put otherwise than in the font
            before, place = place, _skip_number(data, place)
            if outlines and _number(data[before:place]) > _MAX_OUTLINES:
                raise ValueError("the web font (WOFF 2) has too many outlines; give it as TrueType or OpenType")
    stream = brotli.Decompressor()
    size, given = 0, data[place : place + int.from_bytes(data[20:24], "big")]
    while not stream.is_finished():
        made = stream.process(given, output_buffer_limit=1 << 20)
        size, given = size + len(made), b""
        if size > MAX_FONT or not (made or stream.is_finished()):
            raise ValueError("the web font is damaged, or larger than 64 MB")


def _number(data: bytes) -> int:
    """A number of seven bits a byte, the highest first."""
    found = 0
    for byte in data:
        found = found << 7 | byte & 0x7F
    return found


def _skip_number(data: bytes, place: int) -> int:
    """Pass over a number of one to five bytes, of which all but the last have their highest bit set."""
    while data[place] & 0x80:
        place += 1
    return place + 1
