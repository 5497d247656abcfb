"""JSON Schemas of the Structs that clients send and are told, as generators of clients read them."""

from collections.abc import Iterable
from typing import Any

import msgspec

from api_edge.handlers.masks import answered
from contracts.catalogue import structs
from contracts.message import Event, MessageType
from contracts.visibility import visible

Schema = dict[str, Any]
_REF = "#/components/schemas/{name}"
_UUID = {"type": "string", "format": "uuid"}


class Schemas:
    """The schemas of all types by name, as clients see them.

    What is `told` always has all its fields, but where its Struct leaves out defaults; `events` of earlier releases may lack some.
    """

    def __init__(self, given: Iterable[Any], events: Iterable[Any], told: Iterable[Any]) -> None:
        shown = {kind: answered(kind) for kind in told}
        types = {kind: kind for kind in given} | {kind: visible(kind) for kind in events} | shown
        refs, self.components = msgspec.json.schema_components(list(types.values()), ref_template=_REF)
        self._refs = dict(zip(types, map(_plain, refs), strict=True))
        for struct in structs(shown.values()):
            schema = self.components.get(struct.__name__, {})
            if not struct.__struct_config__.omit_defaults and "properties" in schema:
                schema["required"] = list(schema["properties"])
                for field in schema["properties"].values():
                    field.pop("default", None)
        self.components = {name: _plain(schema) for name, schema in self.components.items()}

    def of(self, kind: Any) -> Schema:
        """The schema of one of the types."""
        schema: Schema = self._refs[kind]
        return schema

    def page(self, row: type[msgspec.Struct]) -> Schema:
        """The schema of a page of such rows, which has a name of its own."""
        name = f"{row.__name__}Page"
        self.components[name] = {
            "title": name,
            "type": "object",
            "properties": {"data": {"type": "array", "items": self.of(row)}, "next_cursor": {"type": ["string", "null"]}},
            "required": ["data", "next_cursor"],
        }
        return {"$ref": _REF.format(name=name)}

    def events(self, name: str, entries: Iterable[MessageType]) -> None:
        """The schema of an event of the feed under this name: told apart by `type`; progress says its type and data alone."""
        told = {"time": {"type": "string", "format": "date-time"}} | dict.fromkeys(("id", "correlation", "causation"), _UUID)
        of_type = {}
        for entry in entries:
            properties = {"type": {"const": entry.name}, **(told if issubclass(entry.cls, Event) else {}), "data": self.of(entry.cls)}
            title = f"{entry.cls.__name__}Told"
            self.components[title] = {"title": title, "type": "object", "properties": properties, "required": list(properties)}
            of_type[entry.name] = _REF.format(name=title)
        refs = [{"$ref": ref} for ref in of_type.values()]
        self.components[name] = {"title": name, "oneOf": refs, "discriminator": {"propertyName": "type", "mapping": of_type}}


def _plain(schema: Any) -> Any:
    """A schema as generators understand it: words are strings, and an array of a fixed length says what its entries are."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _plain(value) for name, value in schema.items()}
    if isinstance(words := found.get("enum"), list) and all(isinstance(word, str) for word in words):
        found["type"] = "string"
    if found.get("type") == "object" and found.keys().isdisjoint(("properties", "additionalProperties")):
        found["additionalProperties"] = True  # whatever a person put in; without the word, generators take it for an object without fields
    if isinstance(entries := found.pop("prefixItems", None), list):
        kinds = [one for at, one in enumerate(entries) if one not in entries[:at]]
        found["items"] = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return found
