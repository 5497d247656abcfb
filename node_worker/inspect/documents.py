"""Brings a document's bytes to UTF-8: as exporters and editors write it, packed by gzip, or in UTF-16 or UTF-32."""

import gzip
import io
import json
import zlib

from node_worker.engines.base import TemplateRefused

MAX_DOCUMENT = 20 << 20  # bytes
_PACKED = b"\x1f\x8b"
_HEAD = 4096  # bytes of a document in which its first character stands


def utf8(raw: bytes, name: str = "the animation") -> bytes:
    """A document's bytes, unpacked within bounds, in UTF-8. Raises TemplateRefused."""
    if raw.startswith(_PACKED):
        raw = _unpacked(raw, name)
    if len(raw) > MAX_DOCUMENT:
        raise TemplateRefused("lottie.too_large", f"{name} is larger than {MAX_DOCUMENT >> 20} MB.")
    encoding = json.detect_encoding(raw)
    if encoding.startswith("utf-8"):
        return raw.removeprefix(b"\xef\xbb\xbf")
    try:
        return raw.decode(encoding).encode()
    except UnicodeError as error:
        raise TemplateRefused("lottie.not_json", f"{name} is not valid {encoding.upper()}: {error}.") from error


def looks_like_json(head: bytes) -> bool:
    """Whether a file that begins with `head` holds a JSON object, packed or in whatever encoding."""
    if head.startswith(_PACKED):
        try:
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, _HEAD)
        except zlib.error:
            return False
    text = head[:_HEAD].decode(json.detect_encoding(head), errors="replace")
    return text.removeprefix("\ufeff").lstrip()[:1] == "{"


def _unpacked(raw: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            return file.read(MAX_DOCUMENT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise TemplateRefused("lottie.not_json", f"{name} is packed by gzip and damaged ({error}); save it again.") from error
