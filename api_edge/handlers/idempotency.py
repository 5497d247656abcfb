"""Which command a request names: a random one, or the one of its Idempotency-Key, which is somebody's own, on one route, for 30 days."""

import asyncio
import re
from uuid import UUID

import msgspec

from api_edge.auth.principals import Principal
from api_edge.auth.signing import command_id, first_command_id, key_mark
from api_edge.edge import Call, Edge
from api_edge.errors import Refused
from api_edge.http.texts import header
from api_edge.routing import CommandRoute, Row
from contracts.audit import QUARANTINED, REFUSED
from contracts.envelope import derived_id, hash_versions, same_request
from contracts.ids import moment_id
from contracts.message import PLATFORM, type_of

HEADER = "Idempotency-Key"
ANSWER_WITHIN = 1.0  # seconds that the database may take to tell of other routes; without it, the inbox still tells of the same one
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Named(msgspec.Struct, frozen=True):
    """A command's id; `key_hash` finds its key on every route, `known` says that it was decided before."""

    id: UUID
    key_hash: str = ""
    known: bool = False


class Route(msgspec.Struct, frozen=True):
    """What of a route goes into the ids of its commands."""

    method: str
    path: str  # with its names, not their values: the same key for another thing is another body of the same route
    type: str

    @classmethod
    def of(cls, route: CommandRoute) -> "Route":
        """The route's own."""
        return cls(route.method, route.path, type_of(route.command).full_name)


def key_of(call: Call) -> str:
    """The request's key; empty without one. Raises Refused for one that is none."""
    key = header(call.request, HEADER)
    if key is not None and not _KEY.fullmatch(key):
        raise Refused("request.parameter", "An Idempotency-Key has 1 to 255 visible ASCII characters.", HEADER)
    return key or ""


def other_body() -> Refused:
    """The answer to a key that already stands for another request of the same route."""
    return Refused("idempotency.other_body", "This Idempotency-Key was used for another request; the first one stands.", HEADER)


async def named_by(edge: Edge, who: Principal, route: Route, key: str, request_hash: str, *, secret: bool) -> Named:
    """The command of somebody's key. Raises Refused when the key stands for another request; a database that is away refuses nothing."""
    id, mark = command_id(who.tenant, who.asker, (route.method, route.path, route.type), key), key_mark(who.tenant, who.asker, key)
    earlier = first_command_id(who.tenant, key)
    rows = {row["id"]: row for row in await _used(edge, who, mark, earlier)}
    if (own := rows.pop(id, None)) is not None:
        if not same_request(own["request_hash"], request_hash):
            raise other_body()
        return Named(id, mark, known=True)
    before = rows.pop(earlier, None)
    for row in rows.values():
        raise _other_route(row["type"])
    if before is not None and await _same_asker(edge, who, before, secret=secret):
        _check_earlier(before, route, request_hash)
        return Named(earlier, mark, known=True)
    return Named(id, mark)


def _other_route(type: str) -> Refused:
    detail = f"This Idempotency-Key was used for a request on another route ({type}), which stands; send this one with a key of its own."
    return Refused("idempotency.other_route", detail, HEADER)


async def _used(edge: Edge, who: Principal, mark: str, earlier: UUID) -> list[Row]:
    if edge.reader is None:
        return []
    asking = asyncio.create_task(edge.reader.select("operations_of_key", f"{who.tenant_text},{PLATFORM}", who.tenant, mark, earlier))
    done, _ = await asyncio.wait({asking}, timeout=ANSWER_WITHIN)
    if not done:  # not awaited: a database that is silent lets a transaction's end take as long again
        asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        asking.cancel()
        return []
    try:
        return asking.result().rows
    except Refused:
        return []


# What follows is for keys that were used in the 30 days before this release, whose commands' ids said nothing of who asked and where.


async def _same_asker(edge: Edge, who: Principal, row: Row, *, secret: bool) -> bool:
    """Whether an earlier release's command is this asker's own: its event tells. Raises Refused when none does and a secret is at stake."""
    domain, moment = str(row["domain"]), row["decided_at"]
    ends = [kind[domain].__name__ for kind in (REFUSED, QUARANTINED)]
    assert edge.reader is not None
    events = [derived_id(row["id"], name) for name in ("event 0", *(f"{end} {moment.timestamp()}" for end in ends))]
    # What was queued at the update was decided by this release, which derives ids otherwise.
    events += [moment_id(moment, row["tenant_id"], row["id"], domain, name) for name in ("event 0", *ends)]
    found = await edge.reader.select("actors_of_events", f"{who.tenant_text},{PLATFORM}", events)
    actors = {event["actor"] for event in found.rows}
    if not actors and secret:
        raise _earlier_release()
    return not actors or who.actor in actors


def _check_earlier(row: Row, route: Route, request_hash: str) -> None:
    if row["type"] != route.type:
        raise _other_route(row["type"])
    if row["request_hash"] and not hash_versions(row["request_hash"]).keys() & hash_versions(request_hash).keys():
        raise _earlier_release()
    if not same_request(row["request_hash"], request_hash):
        raise other_body()


def _earlier_release() -> Refused:
    detail = "This Idempotency-Key was used before an update, and whether this is the same request can no longer be told; use a new key."
    return Refused("idempotency.earlier_release", detail, HEADER)
