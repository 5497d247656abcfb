"""Finds by field what is in a JSON body that no part of the product can keep: U+0000, lone surrogates, numbers that are none."""

import json
from collections.abc import Iterator

from api_edge.http.texts import unholdable

FieldError = dict[str, str]  # {"field": JSON path, "detail": what is wrong}
_MOST = 50  # errors that are listed
_DEEPEST = 200


def unusable_fields(body: bytes) -> tuple[FieldError, ...]:
    """Every place of something unusable, at most 50; nothing when the body is no JSON at all, however generously it is read."""
    try:
        # The standard library reads what msgspec rightly refuses (NaN, 1e400, lone surrogates), so that its place can be named.
        value = json.loads(body.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return ()
    found: list[FieldError] = []
    for path, detail in _look(value, "", 0):
        found.append({"field": path, "detail": detail})
        if len(found) == _MOST:
            break
    return tuple(found)


def _look(value: object, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for name, item in value.items():
            where = f"{path}.{_shown(name)}" if path else _shown(name)
            if wrong := _wrong(name):
                yield where, f"has a name that {wrong}"
            yield from _look(item, where, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _look(item, f"{path}[{index}]", depth + 1)
    elif wrong := _wrong(value):
        yield path, wrong


def _wrong(value: object) -> str:
    if isinstance(value, float):
        return "" if abs(value) < float("inf") else "is not a finite number that fits 64 bits"
    return unholdable(value) if isinstance(value, str) else ""


def _shown(name: str) -> str:
    shown = name[:100].replace("\x00", "\\u0000")
    return ascii(shown)[1:-1] if unholdable(shown) else shown
