"""Who may see a field: a marker in its type, closed by default; what every exit shows of a Struct derives from it.

A field without a marker is internal. A nested Struct is shown with those of its own fields that are public; a container in which one
could hide unseen raises TypeError, where the type is declared. Masks read no values: what is shown is passed on as it was written.
"""

import types
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

import msgspec


class Visibility(IntEnum):
    """From open to closed; a type's marker may be closed further where it is used, and never opened."""

    PUBLIC = 0  # every exit shows it
    INTERNAL = 1  # the edge may read it, no exit shows it
    PERSONAL = 2  # a person's: it stands in views that name it, for screens of its own tenant
    SECRET = 3  # it stands in views that name it, and no exit shows it


T = TypeVar("T")
Public = Annotated[T, Visibility.PUBLIC]
Internal = Annotated[T, Visibility.INTERNAL]
Personal = Annotated[T, Visibility.PERSONAL]
Secret = Annotated[T, Visibility.SECRET]

Mask = Callable[[bytes | str | msgspec.Raw], bytes]
_PLAIN = (str, int, float, bool, bytes, type(None), UUID, datetime, date, time, timedelta, Decimal, msgspec.Raw, msgspec.UnsetType)
_UNIONS = (Union, types.UnionType)


def visibility(kind: Any) -> Visibility | None:
    """The outermost marker of a type; of an optional type that of what it may be. Raises TypeError where one opens what is closed."""
    if get_origin(kind) in _UNIONS:
        found = {visibility(arg) for arg in get_args(kind) if arg is not type(None)}
        if len(found) != 1:
            raise TypeError(f"{kind}: what it may be is marked differently; mark it as a whole")
        return found.pop()
    if get_origin(kind) is not Annotated:
        return None
    inner = visibility(get_args(kind)[0])
    for marker in (each for each in kind.__metadata__ if isinstance(each, Visibility)):
        if inner is not None and marker < inner:
            raise TypeError(f"{kind}: what is {inner.name.lower()} cannot be made {marker.name.lower()} again")
        inner = marker
    return inner


def markers(cls: type[msgspec.Struct]) -> dict[str, Visibility]:
    """Every field of a Struct, with its visibility."""
    return {field.name: _marker(field, Visibility.INTERNAL) for field in msgspec.structs.fields(cls)}


@cache
def visible(cls: type[msgspec.Struct], unmarked: Visibility = Visibility.INTERNAL) -> type[msgspec.Struct]:
    """The Struct as exits show it: without what is not public, nested Structs likewise; itself where nothing is hidden.

    `unmarked` is what its own fields are without a marker: public in Structs that are made for the outside, as answers are.
    """
    fields = [(field, _as_shown(field.type)) for field in _shown(cls, unmarked, Visibility.PUBLIC)]
    if len(fields) == len(cls.__struct_fields__) and all(kind is field.type for field, kind in fields):
        return cls
    return _like(cls, [(field.name, kind, *_default(field)) for field, kind in fields], rename={f.name: f.encode_name for f, _ in fields})


@cache
def mask(kind: Any, unmarked: Visibility = Visibility.INTERNAL, most: Visibility = Visibility.PUBLIC) -> Mask:
    """A function from the JSON of a type to that which exits show of it. It raises msgspec.ValidationError for what is of no such type.

    Old values, missing fields and the way that numbers are written survive. What the type does not declare is not shown. `most` is how
    closed what is shown may be: operators are shown what is internal as well.
    """
    decode = msgspec.json.Decoder(_raw_struct(kind, unmarked, most) if _is_struct(kind) else _raw(kind, most)).decode
    encode = msgspec.json.Encoder().encode
    return lambda body: encode(decode(body))


@cache
def columns(
    cls: type[msgspec.Struct], unmarked: Visibility = Visibility.INTERNAL, most: Visibility = Visibility.PUBLIC
) -> dict[str, Mask | None]:
    """The fields of a row that are shown, each with the mask of its JSON, or None where its value is shown as it is."""
    shown = _shown(cls, unmarked, most)
    return {field.name: mask(_bare(field.type), most=most) if any(_structs(field.type)) else None for field in shown}


def told(cls: type[msgspec.Struct], name: str, value: Any) -> Any:
    """A row's value, as JSON has it, for an operator: of what is a person's or secret, only that it is."""
    shown = columns(cls, most=Visibility.INTERNAL)
    if name not in shown:
        return f"({markers(cls)[name].name.lower()})"
    hide = shown[name]
    return value if hide is None or value is None else msgspec.json.decode(hide(msgspec.json.encode(value)))


class Discreet(msgspec.Struct, frozen=True):
    """A Struct that logs and errors may name: what is a person's or secret in it is not told."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={_described(value)}' for name, value in _tellable(self))})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, _described(value)) for name, value in _tellable(self)]


def _tellable(value: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    for name, marker in markers(type(value)).items():
        yield name, getattr(value, name) if marker <= Visibility.INTERNAL else marker


def _described(value: Any) -> str:
    if isinstance(value, Visibility):
        return f"({value.name.lower()})"
    if isinstance(value, msgspec.Struct) and not isinstance(value, Discreet):
        return Discreet.__repr__(value)  # type: ignore[arg-type]
    if isinstance(value, tuple | list | set | frozenset):
        return f"({', '.join(map(_described, value))})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {_described(item)}' for name, item in value.items())}}}"
    return repr(value)


def _shown(
    cls: type[msgspec.Struct], unmarked: Visibility, most: Visibility, within: tuple[type, ...] = ()
) -> list[msgspec.structs.FieldInfo]:
    """The fields that are at most so closed. Raises TypeError for what cannot be masked; `within` are the Structs that it stands in."""
    if cls in within:
        raise TypeError(f"{cls.__name__} stands within itself, so that it cannot be masked")
    every = msgspec.structs.fields(cls)
    shown = [field for field in every if _marker(field, unmarked) <= most]
    for field in shown:
        _check(field.type, _marker(field, unmarked), most, f"{cls.__name__}.{field.name}", (*within, cls))
    if cls.__struct_config__.array_like and (len(shown) < len(every) or any(_hides(field.type, most) for field in shown)):
        raise TypeError(f"{cls.__name__} is written as an array, in which nothing can be left out: all that it holds must be public")
    return shown


def _marker(field: msgspec.structs.FieldInfo, unmarked: Visibility) -> Visibility:
    """How closed a field is: as it says, or as the most closed part of it; what says that it is public and has a closed part is refused."""
    found = visibility(field.type)
    marker = unmarked if found is None else found
    return marker if marker is Visibility.PUBLIC else max(marker, _most_closed(field.type))


def _most_closed(kind: Any) -> Visibility:
    """The most closed marker in a type, those of keys and entries too; within a Struct, its own fields say it."""
    return max((visibility(kind) or Visibility.PUBLIC, *map(_most_closed, get_args(kind))))


def _hides(kind: Any, most: Visibility) -> bool:
    """Whether a Struct within a type, however deep, has a field that is not shown."""
    kind = _bare(kind)
    if not _is_struct(kind):
        return any(_hides(part, most) for part in _parts(kind) or ())
    return any(_marker(field, Visibility.INTERNAL) > most or _hides(field.type, most) for field in msgspec.structs.fields(kind))


def _check(kind: Any, marker: Visibility, most: Visibility, where: str, within: tuple[type, ...]) -> None:
    """Whether a type that is shown is understood, and no part of it is closed further than it is itself."""
    kind = _bare(kind)
    if _is_struct(kind):
        _shown(kind, Visibility.INTERNAL, most, within)
        return
    parts = _parts(kind)
    if parts is None:
        raise TypeError(f"{where}: {kind!r} is not understood, so that nobody knows what it holds")
    for part in parts:
        if (visibility(part) or Visibility.PUBLIC) > marker:
            raise TypeError(f"{where}: {part} stands within what is {marker.name.lower()}")
        _check(part, marker, most, where, within)
    if get_origin(kind) in _UNIONS and not _is_told_apart(parts):
        raise TypeError(f"{where}: in {kind}, a Struct stands beside another type, so that it cannot be masked")


def _is_told_apart(parts: tuple[Any, ...]) -> bool:
    """Whether what a union may be can be masked: Structs alone, or containers of Structs alone, or nothing with a Struct."""
    others = [part for part in parts if part is not type(None)]
    return all(map(_is_struct, others)) or (not any(map(_is_struct, others)) and len({any(_structs(part)) for part in others}) < 2)


def _parts(kind: Any) -> tuple[Any, ...] | None:
    """The types that a type is made of, a key's too; None for one that is not understood."""
    origin, args = get_origin(kind), get_args(kind)
    if origin in _UNIONS:
        return args
    if origin in (tuple, list, set, frozenset):
        return tuple(arg for arg in args if arg is not Ellipsis)
    if origin is dict:
        return args if _bare(args[0]) in _PLAIN else None
    plain = kind is Any or origin is Literal or (isinstance(kind, type) and (kind in _PLAIN or issubclass(kind, Enum)))
    return () if plain else None


def _bare(kind: Any) -> Any:
    return _bare(get_args(kind)[0]) if get_origin(kind) is Annotated else kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _structs(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """The Structs within a type that are written as objects; one written as an array has public fields alone."""
    kind = _bare(kind)
    if _is_struct(kind):
        if not kind.__struct_config__.array_like:
            yield kind
    else:
        for part in _parts(kind) or ():
            yield from _structs(part)


def _as_shown(kind: Any) -> Any:
    """A public type with the Structs in it as exits show them; the very same where nothing is hidden."""
    if _is_struct(kind):
        return visible(kind)
    origin, args = get_origin(kind), get_args(kind)
    if not any(visible(each) is not each for each in _structs(kind)):
        return kind
    if origin is Annotated:
        return Annotated[(_as_shown(args[0]), *kind.__metadata__)]
    shown = tuple(arg if arg is Ellipsis else _as_shown(arg) for arg in args)
    return reduce(or_, shown) if origin in _UNIONS else origin[shown]


def _raw(kind: Any, most: Visibility) -> Any:
    """The type that reads and writes the JSON of a type that is shown: what holds no Struct, as it stands."""
    kind = _bare(kind)
    if not any(_structs(kind)):
        return msgspec.Raw
    if _is_struct(kind):
        return _raw_struct(kind, Visibility.INTERNAL, most)
    origin, args = get_origin(kind), get_args(kind)
    if origin in _UNIONS:
        return reduce(or_, (None if arg is type(None) else _raw(arg, most) for arg in args))
    if origin is dict:
        return dict[str, _raw(args[1], most)]  # type: ignore[misc]
    if origin is tuple and args[-1] is not Ellipsis:
        return tuple[tuple(_raw(arg, most) for arg in args)]  # type: ignore[misc]
    return list[_raw(args[0], most)]  # type: ignore[misc]


@cache
def _raw_struct(cls: type[msgspec.Struct], unmarked: Visibility, most: Visibility) -> Any:
    fields = _shown(cls, unmarked, most)
    made = [(field.name, _raw(field.type, most) | msgspec.UnsetType, msgspec.UNSET) for field in fields]
    return _like(cls, made, rename={field.name: field.encode_name for field in fields})


def _like(cls: type[msgspec.Struct], fields: list[Any], rename: dict[str, str]) -> type[msgspec.Struct]:
    config = cls.__struct_config__
    return msgspec.defstruct(
        cls.__name__, fields, module=cls.__module__, namespace={"__doc__": cls.__doc__}, kw_only=True, frozen=True, rename=rename,
        tag=config.tag, tag_field=config.tag_field, omit_defaults=config.omit_defaults,
    )  # fmt: skip


def _default(field: msgspec.structs.FieldInfo) -> tuple[Any, ...]:
    if field.default is not msgspec.NODEFAULT:
        return (field.default,)
    if field.default_factory is not msgspec.NODEFAULT:
        return (msgspec.field(default_factory=field.default_factory),)
    return ()
