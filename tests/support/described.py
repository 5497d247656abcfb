"""Whether what the service answers is what its description says, read as a client that knows nothing else reads it."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from api_edge import openapi
from api_edge.routes import COMMANDS, QUERIES

DOCUMENT = openapi.document(COMMANDS, QUERIES, "0")
_KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "null": None,
}
_FORMATS = {"uuid": UUID, "date-time": datetime.fromisoformat}


def misfits(method: str, path: str, status: int, body: bytes) -> list[str]:
    """What of an answer to a request is not as it is described; nothing for what is not described, as a page for people."""
    operation = _operation(method, path.partition("?")[0])
    if operation is None:
        return []
    answer = operation["responses"].get(str(status), operation["responses"]["default"])
    content = next(iter(answer["content"].items()))
    return [] if content[0] == "text/event-stream" or not body else list(wrong(content[1]["schema"], json.loads(body), "$"))


@cache
def _operation(method: str, path: str) -> Any:
    for template, methods in DOCUMENT["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        # What is written out comes before what is a name.
        if method.lower() in methods and re.fullmatch(pattern, path) and (template == path or path not in DOCUMENT["paths"]):
            return methods[method.lower()]
    return None


def wrong(schema: Any, value: Any, at: str) -> Iterator[str]:
    """Where a value breaks its schema; a field that the schema does not name is wrong too."""
    if ref := schema.get("$ref"):
        schema = DOCUMENT["components"]["schemas"][ref.rpartition("/")[2]]
    if options := schema.get("anyOf"):
        found = [list(wrong(option, value, at)) for option in options]
        yield from () if [] in found else min(found, key=len)
        return
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if kinds and not any(_fits(kind, value) for kind in kinds):
        yield f"{at} is {value!r:.60}, not {' or '.join(kinds)}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{at} is {value!r:.60}, none of {schema['enum']}"
    elif isinstance(value, dict):
        yield from _wrong_object(schema, value, at)
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from wrong(schema["items"], item, f"{at}[{index}]")
    elif isinstance(value, str):
        yield from _wrong_text(schema, value, at)


def _fits(kind: str, value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return kind == ("null" if value is None else "boolean")
    return kind != "null" and isinstance(value, _KINDS[kind])


def _wrong_object(schema: Any, value: dict[str, Any], at: str) -> Iterator[str]:
    fields, others = schema.get("properties", {}), schema.get("additionalProperties", not schema.get("properties"))
    yield from (f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value)
    for name, item in value.items():
        if name in fields:
            yield from wrong(fields[name], item, f"{at}.{name}")
        elif isinstance(others, dict):
            yield from wrong(others, item, f"{at}.{name}")
        elif not others:
            yield f"{at}.{name} is not described"


def _wrong_text(schema: Any, value: str, at: str) -> Iterator[str]:
    read: Any = _FORMATS.get(schema.get("format", ""))
    if read is not None:
        try:
            read(value)
        except ValueError:
            yield f"{at} is {value!r:.60}, no {schema['format']}"
