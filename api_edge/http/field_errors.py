"""Lists every wrong field of a body that msgspec refused at its first; unknown fields count, with a guess what was meant."""

import types
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from contracts.bounds import must

FieldError = dict[str, str]  # {"field": JSON path, "detail": what is wrong}
_MOST = 50  # errors that are listed


def field_errors(value: object, expected: Any, path: str = "") -> tuple[FieldError, ...]:
    """Every mistake in decoded JSON against a type, at most 50, in the order of the type's fields."""
    found: list[FieldError] = []
    for error in _walk(value, expected, path):
        found.append(error)
        if len(found) == _MOST:
            break
    return tuple(found)


def _walk(value: object, expected: Any, path: str) -> Iterator[FieldError]:
    origin, args = get_origin(expected), get_args(expected)
    if origin is Annotated:
        yield from _annotated(value, expected, args[0], path)
    elif origin in (Union, types.UnionType):
        yield from _union(value, expected, args, path)
    elif isinstance(expected, type) and issubclass(expected, msgspec.Struct):
        yield from _struct(value, expected, path)
    elif origin in (tuple, list):
        yield from _sequence(value, expected, args, path)
    elif origin is dict:
        yield from _mapping(value, args, path)
    else:
        yield from _leaf(value, expected, path)


def _annotated(value: object, expected: Any, inner: Any, path: str) -> Iterator[FieldError]:
    is_none_of_them = get_origin(inner) in (Union, types.UnionType) and not any(_is_of(value, one) for one in get_args(inner))
    within = [] if is_none_of_them else list(_walk(value, inner, path))
    yield from within or _leaf(value, expected, path)


def _union(value: object, expected: Any, args: tuple[Any, ...], path: str) -> Iterator[FieldError]:
    others = [arg for arg in args if arg is not type(None)]
    if value is None and len(others) < len(args):
        return
    fitting = others if len(others) == 1 else [other for other in others if _is_of(value, other)]
    yield from (_walk(value, fitting[0], path) if len(fitting) == 1 else _leaf(value, expected, path))


def _is_of(value: object, expected: Any) -> bool:
    """Whether a value is of the kind of JSON that a type is written as, be it within its bounds or not."""
    bare = get_args(expected)[0] if get_origin(expected) is Annotated else expected
    kinds: dict[type, tuple[type, ...]] = {list: (tuple, list), int: (int, float)}
    return (get_origin(bare) or bare) in kinds.get(type(value), (type(value),))


def _struct(value: object, expected: type[msgspec.Struct], path: str) -> Iterator[FieldError]:
    if not isinstance(value, dict):
        yield _error(path, f"must be an object, not {_kind(value)}")
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(expected)}
    for name, field in fields.items():
        if name in value:
            yield from _walk(value[name], field.type, _join(path, name))
        elif field.required:
            yield _error(_join(path, name), "is missing")
    for name in value:
        if name not in fields:
            close = get_close_matches(name[:100], fields, n=1)
            guess = f"; did you mean `{close[0]}`?" if close else f"; known here: {', '.join(sorted(fields)) or 'none'}"
            yield _error(_join(path, name[:100]), f"is not a field of this object{guess}")


def _sequence(value: object, expected: Any, args: tuple[Any, ...], path: str) -> Iterator[FieldError]:
    if not isinstance(value, list):
        yield _error(path, f"must be an array, not {_kind(value)}")
        return
    fixed = get_origin(expected) is tuple and args[-1] is not Ellipsis
    if fixed and len(value) != len(args):
        yield _error(path, f"must have exactly {len(args)} entries, not {len(value)}")
        return
    for index, item in enumerate(value):
        yield from _walk(item, args[index] if fixed else args[0], f"{path}[{index}]")


def _mapping(value: object, args: tuple[Any, ...], path: str) -> Iterator[FieldError]:
    if not isinstance(value, dict):
        yield _error(path, f"must be an object, not {_kind(value)}")
        return
    for name, item in value.items():
        yield from _walk(item, args[1], _join(path, name[:100]))


def _leaf(value: object, expected: Any, path: str) -> Iterator[FieldError]:
    if get_origin(expected) is Literal:
        allowed = get_args(expected)
        if value not in allowed:
            yield _error(path, f"must be one of {', '.join(map(str, allowed))}")
        return
    try:
        msgspec.convert(value, expected)
    except msgspec.ValidationError as error:
        yield _error(path, must(expected) or _worded(str(error)))


def _worded(text: str) -> str:
    """msgspec's sentence with the words of JSON instead of Python's, without its path."""
    text = text.partition(" - at `")[0].replace("Expected", "must be", 1).replace(", got", ", not")
    return text.replace("`", "").replace("Invalid", "is not a valid", 1)


def _kind(value: object) -> str:
    return {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}.get(type(value), "a number")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _error(path: str, detail: str) -> FieldError:
    return {"field": path, "detail": detail}
