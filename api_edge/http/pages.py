"""Pages that need no key: the API's description, its UI without any other site's files, the meaning of errors."""

import asyncio
import html
import sys
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from api_edge.errors import MEANINGS

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_SAFE = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_UI_FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "index.css", "favicon-32x32.png")
_UI = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>FlatRender API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="stylesheet" href="/docs/index.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png"></head>
<body><div id="swagger-ui"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""
_START = 'window.ui = SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true});\n'

Page = Callable[[web.Request], Awaitable[web.Response]]


def routes(description: dict[str, Any]) -> list[web.RouteDef]:
    """The routes of all these pages."""
    pages = [
        ("/openapi.json", fixed(msgspec.json.encode(description), "application/json")),
        ("/docs", fixed(_UI.encode(), "text/html")),
        ("/docs/start.js", fixed(_START.encode(), "text/javascript")),
        ("/docs/errors", fixed(errors_html().encode(), "text/html")),
        *((f"/docs/{name}", _file(name)) for name in _UI_FILES),
    ]
    return [web.get(path, page) for path, page in pages]


def fixed(body: bytes, media_type: str) -> Page:
    """A page that is always the same, with headers by which a browser does nothing beyond showing it."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(
            body=body, content_type=media_type, charset=None if media_type == "application/json" else "utf-8", headers=_SAFE
        )

    return page


def _file(name: str) -> Page:
    """A file of flask-swagger-ui, whose web framework is never imported."""
    spec = find_spec("flask_swagger_ui")
    path = Path(spec.origin).parent / "dist" / name if spec and spec.origin else None
    kinds = {".js": "text/javascript", ".css": "text/css", ".png": "image/png"}

    async def page(_: web.Request) -> web.Response:
        if path is None or not path.is_file():
            raise web.HTTPNotFound(text="flask-swagger-ui is not installed; /openapi.json is there.")
        body = await asyncio.to_thread(path.read_bytes)
        return web.Response(body=body, content_type=kinds[path.suffix], headers={**_SAFE, "Cache-Control": "max-age=86400"})

    return page


_ERRORS_HEAD = """# Errors

Generated from `api_edge/errors.py` by `python -m api_edge.http.pages`; do not edit.

Every error is a problem (RFC 9457, `application/problem+json`) with `type`, `title`, `status`, `detail`, `code`, `instance`,
`request_id`, and where a field is at fault `field` and `errors`. A code is looked up in this order: itself, `*.` and its last
part, its area, `*`.
"""


def errors_markdown() -> str:
    """docs/errors.md: every code's meaning, from the table that decides the answers."""
    rows = "\n".join(f"| `{each.pattern}` | {each.status} | {each.title} | {each.remedy} |" for each in MEANINGS)
    return f"{_ERRORS_HEAD}\n| code | status | title | what to do |\n|---|---|---|---|\n{rows}\n"


def errors_html() -> str:
    """The same as a page, with an anchor for each code."""
    rows = "".join(
        f'<tr id="{html.escape(each.pattern)}"><td><code>{html.escape(each.pattern)}</code></td><td>{each.status}</td>'
        f"<td>{html.escape(each.title)}</td><td>{html.escape(each.remedy)}</td></tr>"
        for each in MEANINGS
    )
    head = '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Errors</title></head><body><h1>Errors</h1>'
    return f"{head}<table><tr><th>code</th><th>status</th><th>title</th><th>what to do</th></tr>{rows}</table></body></html>"


if __name__ == "__main__":
    sys.stdout.write(errors_markdown())
