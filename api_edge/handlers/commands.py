"""The one handler for every command: read, check, publish with an acknowledgement, answer."""

import asyncio
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from aiohttp import web

from api_edge import errors
from api_edge.auth import secrets
from api_edge.auth.admission import admitted
from api_edge.auth.signing import correlation_of
from api_edge.edge import Call, Edge
from api_edge.errors import Refused
from api_edge.handlers.idempotency import Named, Route, key_of, named_by, other_body
from api_edge.handlers.masks import shown_answer
from api_edge.handlers.operations import operation_state
from api_edge.handlers.publishing import Send, ask, publish
from api_edge.http.bodies import COMMAND_LIMIT, BodyReader, path_names
from api_edge.http.responses import Answer
from api_edge.http.texts import header
from api_edge.routing import CommandRoute
from contracts.envelope import Envelope, same_request
from contracts.message import PLATFORM, Command, type_of
from contracts.outcome import NOT_HANDLED, Outcome

WAIT = 5.0  # seconds that an answer waits for its outcome, unless `Prefer: wait=N` says otherwise
MOST_WAIT = 30.0
BODY = 15.0  # seconds in which a body has to be there
REPLAYED = "Idempotent-Replayed"
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_TAG = re.compile(r'(?:^|,)\s*"(\d{1,18})"(?=\s*(?:,|$))')
ETAGS = r'^\s*(\*|(W/)?"[!#-~]*"(\s*,\s*(W/)?"[!#-~]*")*)\s*$'
_ETAGS = re.compile(ETAGS)
NO_VERSION = ("effect_id",)  # names in addresses of what has no version: it is no entity's row
_PREFER_WAIT = re.compile(r"\bwait\s*=\s*\"?(\d{1,4})")


class CommandHandler:
    """Handles one route of the table; all routes have this same handler."""

    def __init__(self, route: CommandRoute) -> None:
        self.route = route
        self._identity = Route.of(route)
        self._names = path_names(route.path)
        self._tagged = bool(self._names) and self._names[-1] not in NO_VERSION
        self._parameters = ("dry_run",) if route.dry_run else ()
        self._type = type_of(route.command).full_name
        self.reader = reader_of(route)
        self._shown = shown_answer(route.command)
        self._as_sent = not (self._names or route.hidden or route.prepare or route.check or route.secret)

    async def __call__(self, edge: Edge, call: Call) -> Answer:
        who = await admitted(edge, call, self.route)
        call.only(self._parameters)
        body = await _read(call.request)
        dry_run = self.route.dry_run and is_true(call.query("dry_run"), "dry_run")
        key, request_hash = key_of(call), edge.signer.request_hash(call.request.method, call.request.path_qs, body)
        send = await self._ready(edge, call, body)
        wait = wait_of(call.request.headers.get("Prefer"))
        named = await self._named(edge, call, key, request_hash) if key and not dry_run else Named(call.id)
        envelope = Envelope(
            id=named.id,
            type=self._type,
            tenant=PLATFORM if self.route.for_platform else who.tenant,
            time=datetime.now(UTC),
            actor=who.actor,
            correlation=correlation_of(call.request_id) if call.named else call.id,
            causation=named.id,
            request_hash=request_hash,
            key_hash=named.key_hash,
            if_match=self._if_match(call),
            dry_run=dry_run,
            traceparent=_traceparent(call.request),
        )
        operation = edge.signer.operation_id(who.tenant, who.asker, named.id, request_hash)
        if not wait:
            await publish(edge, send, envelope)
            return _accepted(operation, known=named.known)
        # An outcome that does not come in time stands in the operation's row, or will.
        outcome = await ask(edge, send, envelope, wait) or await operation_state(edge, who, named.id)
        if outcome is None:
            return _accepted(operation, known=named.known)
        if not same_request(outcome.request_hash, request_hash):
            raise other_body()
        headers = {"Content-Location": f"/v1/operations/{operation}"}
        if named.known or outcome.repeated:
            headers[REPLAYED] = "true"
        return await self._told(edge, call, envelope, outcome, headers)

    def _if_match(self, call: Call) -> str:
        """What the caller knows of the thing that is changed, as an envelope says it. Raises Refused where nothing has an ETag."""
        given: str | None = call.request.headers.get("If-Match")
        if given is None:
            return ""
        if not self._tagged:
            raise Refused("request.parameter", "What is asked for here has no ETag yet; leave If-Match out.", "If-Match")
        if not _ETAGS.fullmatch(given):
            raise Refused("request.parameter", 'If-Match is an ETag as it was given, as in "3"; or several by comma; or *.', "If-Match")
        # One that was never given out matches nothing, and so is left out; a weak one never matches here.
        return "" if given.strip() == "*" else f"{self._names[-1]}={','.join(_TAG.findall(given))}"

    async def _named(self, edge: Edge, call: Call, key: str, request_hash: str) -> Named:
        return await named_by(edge, call.who, self._identity, key, request_hash, secret=self.route.secret is not None)

    async def _ready(self, edge: Edge, call: Call, body: bytes) -> Send:
        """How the command is published: as the body says it where nothing is filled in, which spares reading and writing it once more."""
        if self._as_sent:
            checked = self.reader.check(body)
            return lambda publisher, envelope: publisher.publish_encoded(self.route.command, checked, envelope)
        message = self._message(edge, call, body)
        if self.route.check:
            await self.route.check(edge, call, message)
        return lambda publisher, envelope: publisher.publish(message, envelope)

    def _message(self, edge: Edge, call: Call, body: bytes) -> Command:
        filled: dict[str, Any] = {}
        for name in self._names:
            value = call.request.match_info[name] if name in self.route.texts else call.path_uuid(name)
            if value is None:
                raise Refused(f"{name.removesuffix('_id')}.not_found", f"Nothing has the id {call.request.match_info[name][:80]}.", name)
            filled[name] = value
        message: Command = self.reader.read(body, filled)
        if self.route.prepare:
            message = self.route.prepare(edge, call, message)
        return secrets.drawn(edge.signer, self.route.secret, message) if self.route.secret else message

    async def _told(self, edge: Edge, call: Call, envelope: Envelope, outcome: Outcome, headers: dict[str, str]) -> Answer:
        if outcome.state == "refused" and outcome.problem:
            return errors.answer(outcome.problem, call.request.path, call.request_id, headers)
        if outcome.state != "done":
            return errors.answer(NOT_HANDLED, call.request.path, call.request_id, headers)
        body = self._shown(outcome.body) if bytes(outcome.body) else b"{}"
        if self.route.location or self.route.reveal or self.route.secret:
            fields: dict[str, Any] = msgspec.json.decode(body)
            if self.route.location and not envelope.dry_run and set(path_names(self.route.location)) <= fields.keys():
                headers["Location"] = self.route.location.format_map(fields)
            if self.route.secret:
                fields[self.route.secret.shown] = secrets.text_of(
                    edge.signer, self.route.secret, outcome.command_id, msgspec.json.decode(outcome.body)
                )
            if self.route.reveal:
                await self.route.reveal(edge, fields)
            body = msgspec.json.encode(fields)
        status = 200 if envelope.dry_run else self.route.answers
        return _json(body, status, headers)


def reader_of(route: CommandRoute) -> BodyReader:
    """The reader of a route's bodies; the body's type is named by method and command, e.g. PostSaveProject."""
    filled = (*path_names(route.path), *route.hidden, *(secrets.FILLED if route.secret else ()))
    return BodyReader(route.command, filled, f"{route.method.title()}{route.command.__name__}")


async def _read(request: web.Request) -> bytes:
    if not request.body_exists:
        return b""
    if (request.content_length or 0) > COMMAND_LIMIT:
        raise web.HTTPRequestEntityTooLarge(COMMAND_LIMIT, request.content_length or 0)
    kind = header(request, "Content-Type") or "application/json"
    if not kind.startswith("application/json"):
        raise Refused("request.media_type", f"The body is said to be {kind[:80]}; it must be application/json.", "Content-Type")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused("request.media_type", "A compressed body is not understood; send it as it is.", "Content-Encoding")
    return await whole_body(request)


async def whole_body(request: web.Request) -> bytes:
    """The body, once all of it is there. Raises Refused when that takes too long."""
    if request.content.is_eof():  # as most are, with their head
        return await request.read()
    try:
        async with asyncio.timeout(BODY):
            return await request.read()
    except TimeoutError:
        raise Refused("request.timeout", f"The body was not there after {BODY:.0f} seconds.") from None


def _accepted(operation: str, *, known: bool) -> Answer:
    body = b'{"operation":"%b","state":"pending"}' % operation.encode()
    return _json(body, 202, {"Location": f"/v1/operations/{operation}", "Retry-After": "1"} | ({REPLAYED: "true"} if known else {}))


def _json(body: bytes, status: int, headers: dict[str, str]) -> Answer:
    headers["Content-Type"] = "application/json"
    return Answer(status, headers, body)


def _traceparent(request: web.Request) -> str:
    given = header(request, "traceparent")
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
