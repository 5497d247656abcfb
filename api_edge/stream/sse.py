"""GET /v1/events: the tenant's feed as server-sent events, from any position on, without gap or repeat, then live."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import NamedTuple
from uuid import UUID

import msgspec
from aiohttp import web
from nats.aio.msg import Msg

from api_edge.auth.admission import authenticate
from api_edge.edge import Call, Edge
from api_edge.errors import Refused, unavailable
from api_edge.http.connections import Connection
from api_edge.stream.events import kind_of, of_row, tick_frame, type_prefixes
from api_edge.stream.resuming import resumed
from api_edge.stream.streams import Stream, Wanted
from api_edge.stream.tenant_log import walk
from contracts.message import type_of
from contracts.render.jobs import ACTIVE, JobProgress

HEARTBEAT = 5.0  # seconds without anything after which a comment is sent: a reader that is gone without a word acknowledges none
STUCK = 20.0  # seconds that a write may wait for the reader
LATEST = 500  # positions at the end of the log among which what was just asked for is told
PAGE = 1000  # events of the tenant that are read at once
SCOPE = "log:read"
ROUTES = ((SCOPE, "GET /v1/events"),)
"""What stands in no table of routes: its scope, and where it is."""
_TICK = kind_of(type_of(JobProgress).full_name)
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class _Job(msgspec.Struct):
    job_id: str


_job = msgspec.json.Decoder(_Job).decode


async def handle(edge: Edge, call: Call) -> web.StreamResponse:
    """Open a stream and keep it until its reader goes, its key is revoked, it is too slow or the edge stops."""
    who = await authenticate(edge, call, SCOPE)
    call.only(("types", "job_id", "after"))
    behind = await _behind(edge, call)
    job = await _job_asked(edge, who.tenant, who.tenant_text, call.query("job_id"))
    if job and behind is None:
        behind = job.before
    wanted = Wanted(who.tenant_text, _types_asked(call.query("types")), str(job.id) if job else "")
    edge.limits.open_stream(who.tenant, monotonic())
    stream = Stream(who.credential, wanted)
    edge.streams.add(stream)
    if isinstance(connection := call.request.protocol, Connection):
        connection.on_lost = stream.leave
    try:
        # From here on the buffer has all that comes; what is between the asked position and now is read from the log.
        assert edge.feed is not None
        now = edge.feed.position
        answer = web.StreamResponse(headers={**_HEADERS, "X-Request-Id": call.request_id, "X-Log-Position": edge.feed.text(now)})
        await answer.prepare(call.request)
        if not edge.stands(who):
            stream.end(f"the {who.NAME} has ended")
        await _write(answer, b"retry: 1000\n: live from position %b\n\n" % edge.feed.text(now).encode())
        ended = job.state if job and job.state not in ACTIVE else ""
        await _tell(edge, answer, stream, now if behind is None else behind, now, ended=ended)
    except (ConnectionResetError, TimeoutError):
        if call.request.transport:
            call.request.transport.abort()
    finally:
        if isinstance(connection, Connection):
            connection.on_lost = None
        edge.streams.remove(stream)
        edge.limits.close_stream(who.tenant)
    return answer


async def _behind(edge: Edge, call: Call) -> int | None:
    """The position behind which the reader wants events: Last-Event-ID, or ?after= where a header cannot be set."""
    field = "Last-Event-ID" if call.request.headers.get("Last-Event-ID") else "after"
    text = call.request.headers.get("Last-Event-ID") or call.query("after")
    if not text:
        return None
    try:
        return await resumed(edge, text, field)
    except ValueError:
        raise Refused("request.parameter", f"{field} is the id of an event of this stream.", field) from None


class _Asked(NamedTuple):
    """The render that a stream is of: how far it is, and a position before its first event, where one is known."""

    id: UUID
    state: str
    before: int | None


async def _job_asked(edge: Edge, tenant: UUID, tenants: str, text: str | None) -> _Asked | None:
    """Raises Refused for what is no render's id, and where there is no such render."""
    if not text:
        return None
    try:
        job_id = UUID(text)
    except ValueError:
        raise Refused("request.parameter", "job_id is a render's id, a UUID.", "job_id") from None
    if edge.reader is None:
        raise unavailable("database")
    found = await edge.reader.select("job_in_log", tenants, tenant, job_id)
    if not found.rows:
        raise Refused("job.not_found", "There is no such render.", "job_id")
    [row] = found.rows
    if row["began"] is not None:
        return _Asked(job_id, row["state"], row["began"] - 1)
    # Just asked for, so that its first event is one of the latest; or long ago, so that they lie in archives.
    latest = max(0, edge.feed.position - LATEST) if edge.feed and row["state"] in ACTIVE else None
    return _Asked(job_id, row["state"], latest)


def _types_asked(text: str | None) -> tuple[str, ...]:
    try:
        return type_prefixes(text or "", _TICK.name)
    except ValueError as error:
        raise Refused("request.parameter", f"types: {error}.", "types") from None


async def _tell(edge: Edge, answer: web.StreamResponse, stream: Stream, behind: int, now: int, *, ended: str) -> None:
    """First what the log has up to now, then what comes; a fault is told in a comment, for the answer has begun already."""
    try:
        await _replay(edge, answer, stream, behind, now)
        await _run(answer, stream, max(behind, now), ended=ended)
    except Refused as refused:
        await _write(answer, f": {refused.problem.detail} Resume with the last id as Last-Event-ID.\n\n".encode())


async def _replay(edge: Edge, answer: web.StreamResponse, stream: Stream, behind: int, until: int) -> None:
    tenant, is_over = UUID(stream.wanted.tenant), False
    while behind < until and not (stream.ended or is_over):
        page = await walk(edge, tenant, behind, PAGE)
        events = [of_row({**row, "tenant_id": tenant}, page.epoch) for row in page.rows if row["position"] <= until]
        frames = b"".join(event.frame for event in events if stream.wanted.event(event))
        is_over = is_over or any(map(stream.wanted.ends_with, events))
        if page.reached is None:
            if frames:
                await _write(answer, frames)
            break
        behind = page.reached
        # Without an event it says how far it is: what is wanted may be rare, and a silent stream looks dead.
        await _write(answer, frames or f": read up to position {behind}\n\n".encode())
    if is_over:
        stream.complete()


async def _run(answer: web.StreamResponse, stream: Stream, behind: int, *, ended: str) -> None:
    """Tell what comes. Of a render that had `ended` before (its state says how), the last event may be behind its reader already."""
    while True:
        if not await stream.wait(HEARTBEAT):
            if ended:
                await _write(answer, f": the render is {ended}\n\n".encode())
                stream.complete()
            else:
                await _write(answer, b": alive\n\n")
        elif stream.ended:
            await _write(answer, f": {stream.ended}\n\n".encode())
            return
        elif frames := stream.take(behind):
            await _write(answer, frames)
        elif stream.is_complete:
            await _write(answer, b": the render has ended, and so has its stream\n\n")
            return


async def _write(answer: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(STUCK):
        await answer.write(data)


def tick_listener(edge: Edge) -> Callable[[Msg], Awaitable[None]]:
    """The callback for the progress of jobs: `tick.<tenant>.render.job.progressed.v1`."""

    async def hear(msg: Msg) -> None:
        tenant = msg.subject.split(".")[1]
        if edge.streams.wanted(tenant):
            edge.streams.hear_tick(tenant, _TICK.name, _job(msg.data).job_id, tick_frame(_TICK, msg.data))

    return hear
