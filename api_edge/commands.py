"""The one handler for every command: read, check, publish with an acknowledgement, answer."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web

from api_edge import errors
from api_edge.bodies import COMMAND_LIMIT, BodyReader, path_names
from api_edge.edge import Call, Edge, Publishes, admitted
from api_edge.errors import Refused
from api_edge.operations import operation_state
from api_edge.routing import CommandRoute
from api_edge.signing import command_id, correlation_of
from contracts.envelope import Envelope
from contracts.message import PLATFORM, Command, type_of
from contracts.outcome import NOT_HANDLED, Outcome

WAIT = 5.0  # seconds that an answer waits for its outcome, unless `Prefer: wait=N` says otherwise
MOST_WAIT = 30.0
REMEMBERED = 50_000  # recent commands with an Idempotency-Key
Send = Callable[[Publishes, Envelope], Awaitable[int]]
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_PREFER_WAIT = re.compile(r"\bwait\s*=\s*\"?(\d{1,4})")


class RecentRequests:
    """Which request used an Idempotency-Key lately; what this process does not remember, the operation's row tells."""

    def __init__(self) -> None:
        self._hashes: OrderedDict[UUID, str] = OrderedDict()

    def check(self, id: UUID, request_hash: str) -> None:
        """Raises Refused when the key was used for another request."""
        if self._hashes.get(id, request_hash) != request_hash:
            raise key_reused()

    def remember(self, id: UUID, request_hash: str) -> None:
        """The request was published; one that was refused before may be corrected under the same key."""
        self._hashes[id] = request_hash
        if len(self._hashes) > REMEMBERED:
            self._hashes.popitem(last=False)


def key_reused() -> Refused:
    """The answer to a key that already stands for another request."""
    return Refused("idempotency.other_body", "This Idempotency-Key was used for another request; the first one stands.", "Idempotency-Key")


class CommandHandler:
    """Handles one route of the table; all routes have this same handler."""

    def __init__(self, route: CommandRoute, recent: RecentRequests) -> None:
        self.route = route
        self._recent = recent
        self._names = path_names(route.path)
        self._parameters = ("dry_run",) if route.dry_run else ()
        kind = type_of(route.command)
        self._type, self._domain = kind.full_name, kind.domain
        self.reader = reader_of(route)
        self._as_sent = not (self._names or route.hidden or route.prepare)

    async def __call__(self, edge: Edge, call: Call) -> web.Response:
        who = await admitted(edge, call, self.route)
        call.only(self._parameters)
        body = await _read(call.request)
        id, request_hash = self._identify(edge, call, body)
        send = self._ready(edge, call, id, body)
        wait = wait_of(call.request.headers.get("Prefer"))
        envelope = Envelope(
            id=id,
            type=self._type,
            tenant=PLATFORM if self.route.farm else who.tenant,
            time=datetime.now(UTC),
            actor=who.actor,
            correlation=correlation_of(call.request_id) if call.named else call.id,
            causation=id,
            request_hash=request_hash,
            dry_run=self.route.dry_run and is_true(call.query("dry_run"), "dry_run"),
            traceparent=_traceparent(call.request),
        )
        operation = edge.signer.operation_id(who.tenant, id, request_hash)
        if not wait:
            await self._publish(edge, send, envelope)
            return _accepted(operation)
        return await self._answer(edge, call, send, envelope, operation, wait)

    def _identify(self, edge: Edge, call: Call, body: bytes) -> tuple[UUID, str]:
        request = call.request
        request_hash = edge.signer.request_hash(request.method, request.path_qs, body)
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return call.id, request_hash
        if not _KEY.fullmatch(key):
            raise Refused("request.parameter", "An Idempotency-Key has 1 to 255 visible ASCII characters.", "Idempotency-Key")
        id = command_id(call.who.tenant, key)
        self._recent.check(id, request_hash)
        return id, request_hash

    def _ready(self, edge: Edge, call: Call, id: UUID, body: bytes) -> Send:
        """How the command is published: as the body says it where nothing is filled in, which spares reading and writing it once more."""
        if self._as_sent:
            checked = self.reader.check(body)
            return lambda publisher, envelope: publisher.publish_encoded(self.route.command, checked, envelope)
        message = self._message(edge, call, id, body)
        return lambda publisher, envelope: publisher.publish(message, envelope)

    def _message(self, edge: Edge, call: Call, id: UUID, body: bytes) -> Command:
        filled: dict[str, Any] = {}
        for name in self._names:
            value = call.request.match_info[name] if name in self.route.texts else call.path_uuid(name)
            if value is None:
                raise Refused(f"{name.removesuffix('_id')}.not_found", f"Nothing has the id {call.request.match_info[name][:80]}.", name)
            filled[name] = value
        message: Command = self.reader.read(body, filled)
        return self.route.prepare(edge, call, id, message) if self.route.prepare else message

    async def _publish(self, edge: Edge, send: Send, envelope: Envelope) -> None:
        if edge.publisher is None:
            raise errors.unavailable("broker")
        edge.waiting.refuse(self._domain)
        await send(edge.publisher, envelope)
        # Only ids that a key gave can come again.
        if envelope.id != envelope.correlation:
            self._recent.remember(envelope.id, envelope.request_hash)

    async def _answer(self, edge: Edge, call: Call, send: Send, envelope: Envelope, operation: str, wait: float) -> web.Response:
        """Publish and wait for the outcome; when it does not come in time, say where it will be."""
        reply, future = edge.outcomes.expect()
        try:
            await self._publish(edge, send, msgspec.structs.replace(envelope, reply=reply))
            outcome: Outcome | None = await asyncio.wait_for(future, wait)
        except TimeoutError:
            outcome = await operation_state(edge, call.who, envelope.id)
        finally:
            edge.outcomes.forget(reply)
        if outcome is None:
            return _accepted(operation)
        if outcome.request_hash and outcome.request_hash != envelope.request_hash:
            raise key_reused()
        return await self._told(edge, call, envelope, outcome, operation)

    async def _told(self, edge: Edge, call: Call, envelope: Envelope, outcome: Outcome, operation: str) -> web.Response:
        headers = {"Content-Location": f"/v1/operations/{operation}"}
        if outcome.state == "refused" and outcome.problem:
            return errors.response(outcome.problem, call.request.path, call.request_id, headers)
        if outcome.state != "done":
            return errors.response(NOT_HANDLED, call.request.path, call.request_id, headers)
        body = bytes(outcome.body) or b"{}"
        if self.route.location or self.route.reveal:
            fields: dict[str, Any] = msgspec.json.decode(body)
            if self.route.location and not envelope.dry_run and set(path_names(self.route.location)) <= fields.keys():
                headers["Location"] = self.route.location.format_map(fields)
            if self.route.reveal:
                await self.route.reveal(edge, envelope.id, fields)
                body = msgspec.json.encode(fields)
        status = 200 if envelope.dry_run else self.route.answers
        return _json(body, status, headers)


def reader_of(route: CommandRoute) -> BodyReader:
    """The reader of a route's bodies; the body's type is named by method and command, e.g. PostSaveProject."""
    return BodyReader(route.command, (*path_names(route.path), *route.hidden), f"{route.method.title()}{route.command.__name__}")


async def _read(request: web.Request) -> bytes:
    if not request.body_exists:
        return b""
    if (request.content_length or 0) > COMMAND_LIMIT:
        raise web.HTTPRequestEntityTooLarge(COMMAND_LIMIT, request.content_length or 0)
    kind = request.headers.get("Content-Type", "application/json")
    if not kind.startswith("application/json"):
        raise Refused("request.media_type", f"The body is said to be {kind[:80]}; it must be application/json.", "Content-Type")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused("request.media_type", "A compressed body is not understood; send it as it is.", "Content-Encoding")
    return await request.read()


def _accepted(operation: str) -> web.Response:
    body = b'{"operation":"%b","state":"pending"}' % operation.encode()
    return _json(body, 202, {"Location": f"/v1/operations/{operation}", "Retry-After": "1"})


def _json(body: bytes, status: int, headers: dict[str, str]) -> web.Response:
    headers["Content-Type"] = "application/json"
    return web.Response(body=body, status=status, headers=headers)


def _traceparent(request: web.Request) -> str:
    given = request.headers.get("traceparent", "")
    return given if given and _TRACEPARENT.fullmatch(given) else ""


@lru_cache(256)
def wait_of(prefer: str | None) -> float:
    """Seconds to wait for the outcome by the Prefer header (RFC 7240): 0 for `respond-async` alone, at most 30."""
    if not prefer:
        return WAIT
    asked = _PREFER_WAIT.search(prefer)
    if asked:
        return min(float(asked[1]), MOST_WAIT)
    return 0.0 if "respond-async" in prefer else WAIT


def is_true(text: str | None, name: str) -> bool:
    """Read a yes or no parameter. Raises Refused for anything else."""
    if text in (None, "false", "0"):
        return False
    if text in ("true", "1"):
        return True
    raise Refused("request.parameter", f"{name} is true or false.", name)
