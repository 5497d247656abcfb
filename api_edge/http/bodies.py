"""Reads a request's body into its command: strictly, with every mistake named."""

import re
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, get_args, get_origin

import msgspec

from api_edge.errors import Refused
from api_edge.http.field_errors import field_errors
from api_edge.http.json_sanity import unusable_fields
from contracts.message import Command

COMMAND_LIMIT = 64 * 1024  # bytes; no message is larger
METADATA_LIMIT = 4 * 1024  # bytes
METADATA_DEPTH = 32
_PATH_NAME = re.compile(r"\{(\w+)\}")


def path_names(path: str) -> tuple[str, ...]:
    """The names in a route's path."""
    return tuple(_PATH_NAME.findall(path))


@cache
def strict(kind: Any, without: tuple[str, ...] = (), name: str = "") -> Any:
    """The same type with unknown fields forbidden, all the way down; the outermost Struct is called `name` and lacks `without`."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _strict_struct(kind, without, name or f"{kind.__name__}Input")
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return Annotated[(strict(args[0]), *kind.__metadata__)]
    if origin in (tuple, list, dict):
        return origin[tuple(arg if arg is Ellipsis else strict(arg) for arg in args)]
    if args and str(origin) in ("typing.Union", "<class 'types.UnionType'>"):
        made = strict(args[0])
        for arg in args[1:]:
            made = made | strict(arg)
        return made
    return kind


def _strict_struct(kind: type[msgspec.Struct], without: tuple[str, ...], name: str) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(kind):
        if field.name in without:
            continue
        if field.required:
            fields.append((field.name, strict(field.type)))
        elif field.default is not msgspec.NODEFAULT:
            fields.append((field.name, strict(field.type), field.default))
        else:
            fields.append((field.name, strict(field.type), msgspec.field(default_factory=field.default_factory)))
    return msgspec.defstruct(
        name, fields, namespace={"__doc__": kind.__doc__}, module=kind.__module__, kw_only=True, frozen=True, forbid_unknown_fields=True
    )


class BodyReader:
    """Reads one route's bodies, which are called `name`. `filled` are fields of the path or the edge: a body may not name them."""

    def __init__(self, command: type[Command], filled: tuple[str, ...], name: str = "") -> None:
        self.body_type: type[msgspec.Struct] = strict(command, filled, name)
        self._command = command
        self._check: Callable[[bytes], Any] = msgspec.json.Decoder(self.body_type).decode
        self._read: Callable[[bytes], Any] | None = None if filled else msgspec.json.Decoder(command).decode
        self._has_metadata = any(field.name == "metadata" for field in msgspec.structs.fields(command))

    def read(self, body: bytes, filled: dict[str, Any]) -> Any:
        """The command. Raises Refused with all field errors."""
        body = self.check(body)
        return self._read(body) if self._read else msgspec.convert({**msgspec.json.decode(body), **filled}, self._command)

    def check(self, body: bytes) -> bytes:
        """The body, which is known to be the command's JSON but for what is filled. Raises Refused with all field errors."""
        body = body or b"{}"
        try:
            checked = self._check(body)
            if self._has_metadata:
                _check_metadata(checked.metadata)
            if b"\\u0000" in body and (errors := unusable_fields(body)):
                raise _invalid(errors)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._refusal(body, error) from None
        return body

    def _refusal(self, body: bytes, error: Exception) -> Refused:
        try:
            value = msgspec.json.decode(body)
        except RecursionError:
            return Refused("request.malformed", "The JSON is nested too deeply.")
        except UnicodeDecodeError:
            return Refused("request.malformed", "The body is not UTF-8.")
        except msgspec.DecodeError as malformed:
            if errors := unusable_fields(body):
                return _invalid(errors)
            return Refused("request.malformed", f"The body is not valid JSON: {malformed}.")
        errors = field_errors(value, self.body_type) or ({"field": "", "detail": str(error)},)
        return _invalid(errors)


def _invalid(errors: tuple[dict[str, str], ...]) -> Refused:
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    detail = f"{errors[0]['field'] or 'The body'} {errors[0]['detail']}{more}."
    return Refused("request.invalid", detail, errors[0]["field"], errors=errors)


def _check_metadata(metadata: dict[str, Any]) -> None:
    if not metadata:
        return
    if _deeper(metadata, METADATA_DEPTH):
        raise _invalid(({"field": "metadata", "detail": f"is nested more than {METADATA_DEPTH} deep"},))
    size = len(msgspec.json.encode(metadata))
    if size > METADATA_LIMIT:
        raise _invalid(({"field": "metadata", "detail": f"has {size:,} bytes; at most {METADATA_LIMIT:,} are carried"},))


def _deeper(value: object, levels: int) -> bool:
    """Whether a value is nested deeper than so many levels; looks no further than that."""
    if not isinstance(value, dict | list):
        return False
    return levels == 0 or any(_deeper(item, levels - 1) for item in (value.values() if isinstance(value, dict) else value))
