"""Bounds stand in the type of a command's field: the edge refuses what breaks them, and says in words and in OpenAPI what they are."""

import json
import re
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from api_edge import openapi
from api_edge.errors import Refused
from api_edge.handlers.commands import reader_of
from api_edge.http.bodies import BodyReader
from api_edge.routes import COMMANDS, QUERIES
from contracts.bounds import must
from contracts.message import Command

READERS: dict[str, BodyReader] = {route.command.__name__: reader_of(route) for route in COMMANDS}
SCHEMAS = openapi.document(COMMANDS, QUERIES, "0")["components"]["schemas"]
ID = str(uuid4())
TRACK = {"kind": "music", "file_id": ID}
WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("RequestRender", {"width": 1281}, "width", "an even number from 16 to 4096"),
    ("RequestRender", {"height": 100_000}, "height", "an even number from 16 to 4096"),
    ("RequestRender", {"rate": [0, 1]}, "rate[0]", "1 to 1000000"),
    ("RequestRender", {"rate": [30]}, "rate", "exactly 2 entries"),
    ("RequestRender", {"rate": 121}, "rate", "1 to 120"),
    ("RequestRender", {"rate": "30"}, "rate", "a number from 1 to 120"),
    ("RequestRender", {"background": "white"}, "background", "#RRGGBB"),
    ("RequestRender", {"background": "#FFFFFF\n"}, "background", "#RRGGBB"),
    ("RequestRender", {"colours": {"primary": "red"}}, "colours.primary", "#RRGGBB"),
    ("RequestRender", {"priority": -1}, "priority", "0 to 100"),
    ("RequestRender", {"priority": 101}, "priority", "0 to 100"),
    ("RequestRender", {"deadline": "2026-05-01T12:00:00"}, "deadline", "offset from UTC"),
    ("RequestRender", {"scenes": [{"scene": "a", "speed": 0}]}, "scenes[0].speed", "0.1 to 10"),
    ("RequestRender", {"scenes": [{"scene": "a", "duration": 0}]}, "scenes[0].duration", "more than 0"),
    ("RequestRender", {"scenes": [{"scene": "a", "texts": {"t": "x" * 5001}}]}, "scenes[0].texts.t", "at most 5000 characters"),
    ("RequestRender", {"audio": [TRACK | {"volume": 3}]}, "audio[0].volume", "0 to 2"),
    ("RequestRender", {"audio": [TRACK | {"start": 36_001}]}, "audio[0].start", "0 to 36000"),
    ("RequestRender", {"needs": {"memory": -1}}, "needs.memory", "0 to 1099511627776"),
    ("RequestRender", {"needs": {"labels": ["a"] * 21}}, "needs.labels", "at most 20 entries"),
    ("RequestRender", {"needs": {"fonts": [""]}}, "needs.fonts[0]", "1 to 100 characters"),
    ("RequestSnapshot", {"position": -1}, "position", "at least 0"),
    ("SaveProject", {"project_id": ID, "name": "n" * 201}, "name", "at most 200 characters"),
    ("StartUpload", {"name": "a", "bytes": 0}, "bytes", "1 to 2147483648"),
    *(
        ("StartUpload", {"name": name, "bytes": 1}, "name", "no slash")
        for name in ("../etc/passwd", "", " ", "a\tb", "a\x85", "x" * 256, "a\n")
    ),
    *(
        ("StartUpload", {"name": "a", "bytes": 1, "sha256": text}, "sha256", "64 hex digits")
        for text in ("x", "A" * 64, "a" * 63, "a" * 65)
    ),
    ("StartUpload", {"name": "a", "bytes": 1, "media_type": "image/png\n"}, "media_type", "image/png"),
    ("CompleteUpload", {"etags": ["\n"]}, "etags[0]", "ETag"),
    ("CreateProject", {"name": " ", "file_id": ID}, "name", "not only blanks"),
    ("CreateApiKey", {"name": "n" * 201, "scopes": ["*"]}, "name", "at most 200 characters"),
    ("CreateApiKey", {"name": "n", "scopes": []}, "scopes", "1 to 50 entries"),
    ("CreateApiKey", {"name": "n", "scopes": ["render:write", "root"]}, "scopes[1]", "'area:read'"),
    ("CreateJoinToken", {"expires_in": 59}, "expires_in", "60 to 2592000"),
    ("CreateJoinToken", {"note": "n" * 201}, "note", "at most 200 characters"),
    ("JoinNode", {"name": " ", "secret_sha256": "a" * 64}, "name", "1 to 100 characters"),
    ("JoinNode", {"name": "n", "secret_sha256": "the secret itself"}, "secret_sha256", "64 hex digits"),
    ("RequestRepair", {"frames": [-1]}, "frames[0]", "at least 0"),
    ("RescheduleJob", {"priority": 101}, "priority", "0 to 100"),
    ("RenderSteerEffect", {"act": "retry", "reason": "r" * 401}, "reason", "at most 400 characters"),
]


@pytest.mark.parametrize(("command", "body", "field", "words"), WRONG)
def test_what_breaks_a_bound_is_refused_where_it_stands_and_told_in_words(
    command: str, body: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(Refused) as caught:
        READERS[command].check(json.dumps(body).encode())
    told = {error["field"]: error["detail"] for error in caught.value.problem.errors}
    assert caught.value.problem.code == "request.invalid" and set(told) == {field}
    assert words in told[field] and told[field].startswith("must")


def test_every_bound_of_a_command_has_words_of_its_own() -> None:
    silent = [f"{kind.__name__}: {one}" for route in COMMANDS for kind, one in bounded(route.command, set()) if not must(one)]
    assert silent == []


def test_what_the_description_says_is_what_the_edge_asks_for() -> None:
    render, scene = SCHEMAS["PostRequestRender"]["properties"], SCHEMAS["ChosenSceneInput"]["properties"]
    width = render["width"]["anyOf"][0]
    assert (width["minimum"], width["maximum"], width["multipleOf"]) == (16, 4096, 2)
    assert (render["priority"]["minimum"], render["priority"]["maximum"]) == (0, 100)
    fraction, number = render["rate"]["anyOf"][0]["anyOf"]
    assert fraction == {**fraction, "type": "array", "minItems": 2, "maxItems": 2} and number["maximum"] == 120
    assert scene["speed"]["minimum"] == 0.1 and scene["texts"]["additionalProperties"]["maxLength"] == 5000
    assert re.search(SCHEMAS["PostStartUpload"]["properties"]["name"]["pattern"], "a film.mov")


def bounded(kind: Any, seen: set[Any]) -> list[tuple[type, Any]]:
    """Every type with a bound in a Struct and those within it."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind in seen:
            return []
        seen.add(kind)
        fields = [field.type for field in msgspec.structs.fields(kind)]
        return [(kind, one) for field in fields for one in annotated(field)] + [pair for field in fields for pair in bounded(field, seen)]
    return [pair for arg in getattr(kind, "__args__", ()) for pair in bounded(arg, seen)]


def annotated(kind: Any) -> list[Any]:
    """The types with metadata of msgspec in a type."""
    found = [kind] if any(isinstance(one, msgspec.Meta) for one in getattr(kind, "__metadata__", ())) else []
    inner = (kind.__origin__,) if hasattr(kind, "__metadata__") else getattr(kind, "__args__", ())
    return found + [one for arg in inner for one in annotated(arg)]


def test_a_command_that_a_domain_makes_is_held_to_its_bounds_too() -> None:
    from consumers.runtime.domain import out_of_bounds
    from contracts.identity.tenants import ChangeTenantLimits, CreateTenant

    def code(command: Command) -> str:
        refusal = out_of_bounds(command, "identity.out_of_bounds")
        return refusal.problem.field if refusal else ""

    assert code(CreateTenant(name="t", max_slots=0)) == "max_slots" and code(CreateTenant(name="t")) == ""
    assert code(ChangeTenantLimits(render_weight=101)) == "render_weight" and code(ChangeTenantLimits()) == ""
