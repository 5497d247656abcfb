"""The one rule for texts that no part of the product can hold: U+0000, which PostgreSQL has not, lone surrogates, breaks in headers.

It stands here for addresses, parameters and headers; bodies are read by msgspec, which refuses all but U+0000 (`bodies`, `json_sanity`).
"""

import re
from urllib.parse import unquote_to_bytes

from aiohttp import web

from api_edge.errors import Refused

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HALF = re.compile("[\ud800-\udfff]")


def unholdable(text: str) -> str:
    """What is wrong with a text that cannot be kept, wherever it came from; empty for one that can."""
    if "\x00" in text:
        return "contains the character U+0000, which cannot be stored; remove it"
    if not text.isascii() and _HALF.search(text):
        return "contains half of a surrogate pair; send whole characters"
    return ""


def check_address(request: web.Request) -> None:
    """Raises Refused for an address with a part, as it is or percent-encoded, that is not text: not UTF-8, or a control character."""
    raw = request.raw_path
    if "%" not in raw and raw.isascii():
        return
    path, _, query = raw.partition("?")
    if wrong := _wrong_in(path):
        raise Refused("request.malformed", f"The path {wrong}.", "path")
    for pair in query.split("&"):
        if wrong := _wrong_in(pair):
            name = _read(pair.partition("=")[0]) or ""
            raise Refused("request.parameter", f"The parameter {_CONTROL.sub('?', name)[:80]!r} {wrong}.", _CONTROL.sub("?", name)[:80])


def header(request: web.Request, name: str) -> str | None:
    """A header that may be kept or shown. Raises Refused when it is not text."""
    value = request.headers.get(name)
    if value is not None and not value.isascii() and _HALF.search(value):
        raise Refused("request.parameter", f"The header {name} is not UTF-8; send printable ASCII.", name)
    return value


def whole(text: str) -> str:
    """The text without lone surrogates, for what is only told: a problem, a line of a log."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def _read(raw: str) -> str | None:
    """What a part of an address says; None when that is not UTF-8."""
    try:
        return unquote_to_bytes(raw.encode("utf-8", "surrogateescape")).decode()
    except UnicodeDecodeError:
        return None


def _wrong_in(raw: str) -> str:
    text = _read(raw)
    if text is None:
        return "is not UTF-8: it contains half of a surrogate pair or other bytes that are no character; send whole characters"
    if found := _CONTROL.search(text):
        return f"contains the control character U+{ord(found[0]):04X}, which cannot be stored; remove it"
    return ""
