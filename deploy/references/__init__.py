"""The references in docs/, written from the code itself: messages, tables, states, settings, commands, addresses, licences."""

import tomllib
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from deploy.references import codes, commandline, licences, messages, settings, states, tables

ROOT = Path(__file__).parents[2]


def from_code() -> dict[str, str]:
    """Every reference that the code alone gives, as path below the repository and text."""
    from api_edge import openapi
    from api_edge.http import pages
    from api_edge.routes import COMMANDS, QUERIES
    from contracts.catalogue import asyncapi
    from deploy.references import scopes

    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return {
        "docs/reference/openapi.json": _json(openapi.document(COMMANDS, QUERIES, version)),
        "docs/reference/asyncapi.json": _json(asyncapi()),
        "docs/reference/messages.md": messages.document(),
        "docs/reference/settings.md": settings.document(),
        "docs/reference/cli.md": commandline.document(),
        "docs/reference/codes.md": codes.document(ROOT),
        "docs/reference/scopes.md": scopes.document(),
        "docs/errors.md": pages.errors_markdown(),
        "docs/licences.md": licences.document((ROOT / "requirements.lock").read_text(encoding="utf-8")),
    }


async def from_database(conn: asyncpg.Connection) -> dict[str, str]:
    """The references that a migrated database gives."""
    return {"docs/reference/tables.md": await tables.document(conn), "docs/reference/states.md": await states.document(conn)}


def _json(document: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=1).decode() + "\n"
