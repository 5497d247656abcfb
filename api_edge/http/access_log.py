"""The access log: one JSON line per request, written in groups; no query strings, no headers, no bodies."""

import asyncio
import sys
import time
from typing import TextIO

import msgspec

from api_edge.edge import Call
from api_edge.http.texts import whole

FLUSH_AFTER = 0.5  # seconds


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request; time in Unix seconds, ms as measured here."""

    time: float
    request_id: str
    method: str
    path: str
    status: int
    ms: float
    tenant: str = ""
    actor: str = ""


class AccessLog:
    """Collects lines and writes them twice a second; `to` None writes nothing."""

    def __init__(self, to: TextIO | None = sys.stderr) -> None:
        self._to = to
        self._lines: list[bytes] = []
        self._encode = msgspec.json.Encoder().encode

    def write(self, call: Call, status: int, seconds: float) -> None:
        """Note one request."""
        if self._to is None:
            return
        who = call.principal
        tenant, actor = (who.tenant_text, who.actor) if who else ("", "")
        request = call.request
        path, ms = whole(request.path), round(seconds * 1e3, 2)
        line = Line(round(time.time(), 3), call.request_id, request.method, path, status, ms, tenant, actor)
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_AFTER, self.flush)
        self._lines.append(self._encode(line))

    def flush(self) -> None:
        """Write what is there."""
        if self._lines and self._to is not None:
            text = b"\n".join(self._lines).decode() + "\n"
            self._lines.clear()
            self._to.write(text)
            self._to.flush()
