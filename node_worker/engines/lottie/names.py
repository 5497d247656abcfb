"""Finds files of an archive by the names that documents have for them, however those were written.

One picture may have many names: file systems take accents apart, archivers leave out the mark that a name is UTF-8 or write backslashes,
exporters write `%20`, another case, or a path of the designer's own disk.
"""

import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

_UTF8 = 0x800  # a flag of an archive's entry; PKWARE's APPNOTE.TXT 4.4.4
_UNICODE_PATH = 0x7075  # an extra field that holds the name again, in UTF-8; APPNOTE.TXT 4.6.9


def entry_name(entry: zipfile.ZipInfo) -> str:
    """An entry's name with slashes, its letters composed: in UTF-8 where it is so, whether the archive says it or not."""
    name = entry.filename
    if not entry.flag_bits & _UTF8:
        raw = name.encode("cp437", "replace")
        name = _unicode_path(entry.extra, raw) or _utf8(raw) or name
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """The name in an extra field, if it belongs to the name that stands beside it."""
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        held, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and len(held) == size > 5 and held[0] == 1 and struct.unpack("<I", held[1:5])[0] == zlib.crc32(raw):
            return _utf8(held[5:])
    return ""


@lru_cache(maxsize=8192)
def folded(path: str) -> tuple[str, ...]:
    """A path's parts without what writers vary."""
    plain = unicodedata.normalize("NFC", unquote(path.replace("\\", "/"), errors="replace"))
    parts = unicodedata.normalize("NFC", plain.casefold()).split("/")
    return tuple(part.strip() for part in parts if part.strip() not in ("", ".", ".."))


def find(files: Collection[Path], root: Path, wanted: str, near: Path) -> Path | None:
    """The file that a name means: the one with the longest end of its path in common, one below `near` before others.

    A name without an ending means a file with any; a wholly other name finds nothing.
    """
    parts = folded(wanted)
    if not parts:
        return None
    best: tuple[int, bool, str] | None = None
    found = None
    for file in files:
        inside = folded(file.relative_to(root).as_posix())
        if inside[-1] != parts[-1] and ("." in parts[-1] or PurePosixPath(inside[-1]).stem != parts[-1]):
            continue
        common = 1
        while common < min(len(inside), len(parts)) and inside[-1 - common] == parts[-1 - common]:
            common += 1
        rank = -common, not file.is_relative_to(near), file.as_posix()
        if best is None or rank < best:
            best, found = rank, file
    bare = wanted.partition("?")[0]  # of an address that a bundler gave a version, as `a.png?v=2`
    return find(files, root, bare, near) if found is None and bare != wanted else found
