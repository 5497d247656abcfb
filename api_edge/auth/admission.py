"""Who may ask on a route: by what everybody comes in by, with its scope, or by what the route takes instead."""

from time import monotonic

from aiohttp import web

from api_edge.auth.principals import Principal
from api_edge.edge import Call, Edge
from api_edge.routing import Route


async def admitted(edge: Edge, call: Call, route: Route) -> Principal:
    """Who asks on this route: by what everybody comes in by, with its scope, or by what the route takes instead. Raises Refused."""
    if route.admit is None:
        return await authenticate(edge, call, route.scope)
    edge.limits.take_stranger(call.request.remote or "", monotonic())
    call.principal = await route.admit(edge, call)
    return call.principal


async def authenticate(edge: Edge, call: Call, scope: str) -> Principal:
    """Who asks, by an API key or by what one of the stores knows, after limits and scope were checked. Raises Refused."""
    if edge.lacks or edge.feed is None or not edge.feed.alive:
        await edge.require_live()
    found = await _of_a_store(edge, call.request) if edge.stores else None
    principal = call.principal = found or _of_a_key(edge, call.request)
    edge.limits.take(principal.tenant, edge.keys.rate(principal.tenant), monotonic())
    if scope:
        principal.require(scope)
    return principal


async def _of_a_store(edge: Edge, request: web.Request) -> Principal | None:
    """Who brings what one of the stores knows; None for who brings nothing of theirs, and is asked for an API key."""
    for store in edge.stores:
        if (presented := store.presented(request)) is not None:
            return await store.principal(presented)
    return None


def _of_a_key(edge: Edge, request: web.Request) -> Principal:
    return edge.keys.principal(request.headers.get("Authorization"), request.headers.get("X-Api-Key"))
