"""Scripts that use every route through generated clients, written from the routes, so that a new one is among them by itself.

What each call is told is compared with the type that the route declares, exactly: a client that knows nothing would pass for any other.
"""

import json
from collections.abc import Iterator
from typing import Any

from api_edge import openapi
from api_edge.openapi import told_by
from api_edge.routes import COMMANDS, QUERIES
from api_edge.routing import CommandRoute, QueryRoute

DOCUMENT = openapi.document(COMMANDS, QUERIES, "0")
ID = "11111111-1111-4111-8111-111111111111"
_HEAD = f"""import createClient from "openapi-fetch";
import type {{ components, paths }} from "./schema";

type Of = components["schemas"];
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const ID = "{ID}";
const client = createClient<paths>({{ baseUrl: "https://example.invalid", headers: {{ Authorization: "Bearer fr1_…" }} }});

export async function everything(): Promise<void> {{
"""


def typescript() -> str:
    """Every route through openapi-fetch."""
    calls = []
    for route, operation in _operations():
        names = ", ".join(f"{one['name']}: ID" for one in _path(operation))
        given = [f"params: {{ path: {{ {names} }} }}"] if names else []
        if sample := _sample_of(operation):
            given.append(f"body: {json.dumps(sample[1])}")
        told = " | ".join(f'Of["{name}"]' for name in _told(route))
        calls.append(
            f"""  {{
    const {{ data, error }} = await client.{route.method}("{route.path}", {{ {", ".join(given)} }});
    const told: Same<typeof data, {told} | undefined> = true;
    const refused: Same<typeof error, Of["ProblemBody"] | undefined> = true;
    console.log(told, refused);
  }}
"""
        )
    return f'{_HEAD}{"".join(calls)}  await client.GET("/v1/events", {{ parseAs: "stream" }});\n}}\n'


def python(package: str) -> str:
    """Every route through openapi-python-client's package."""
    lines, models = [], {"ProblemBody"}
    for number, (route, operation) in enumerate(_operations()):
        name, area = _snake(operation["operationId"]), _snake(operation["tags"][0])
        given = [f"{one['name']}={'UUID(ID)' if one['schema'].get('format') == 'uuid' else 'ID'}" for one in _path(operation)]
        if sample := _sample_of(operation):
            given.append(f"body={sample[0]}.from_dict({sample[1]})")
            models.add(sample[0])
        models.update(_told(route))
        told = " | ".join((*_told(route), "ProblemBody", "None"))
        lines += [
            f"from {package}.api.{area} import {name} as call_{number}",
            f"assert_type(call_{number}.sync({', '.join((*given, 'client=client'))}), {told})",
        ]
    imports = [f"from {package}.models import {name}" for name in sorted(models)]
    head = ["from typing import assert_type", "from uuid import UUID", f"from {package} import AuthenticatedClient", *imports]
    made = f'client = AuthenticatedClient(base_url="https://example.invalid", token="fr1_…")\nID = "{ID}"'
    stream = f"from {package}.api.events import get_events\nget_events.sync_detailed(client=client)"
    return "\n".join((*head, made, *lines, stream, ""))


def _operations() -> Iterator[tuple[CommandRoute | QueryRoute, Any]]:
    for route in (*COMMANDS, *QUERIES):
        yield route, DOCUMENT["paths"][route.path][route.method.lower()]


def _told(route: CommandRoute | QueryRoute) -> tuple[str, ...]:
    """The names of what a route's caller may be told once all is well."""
    if isinstance(route, QueryRoute):
        return (route.row.__name__ if route.one else f"{route.row.__name__}Page",)
    return (*(kind.__name__ for kind in told_by(route)), "Accepted")


def _path(operation: Any) -> list[Any]:
    return [one for one in operation["parameters"] if one["in"] == "path"]


def _sample_of(operation: Any) -> tuple[str, Any] | None:
    """The name of an operation's body, and the least that may be sent as one."""
    if "requestBody" not in operation:
        return None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return schema["$ref"].rpartition("/")[2], _sample(schema)


def _sample(schema: Any) -> Any:
    if ref := schema.get("$ref"):
        schema = DOCUMENT["components"]["schemas"][ref.rpartition("/")[2]]
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            return {name: _sample(schema["properties"][name]) for name in schema.get("required", ())}
        case "array":
            return [_sample(schema["items"])]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case _:
            return ID


def _snake(name: str) -> str:
    """As openapi-python-client names modules: post_SaveProject becomes post_save_project."""
    spaced = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return spaced.replace("__", "_").replace("-", "_")
