"""Who may ask on a route: by an API key with its scope, or by what the route takes instead."""

from time import monotonic

from api_edge.edge import Call, Edge
from api_edge.keys import Principal
from api_edge.routing import Route


async def admitted(edge: Edge, call: Call, route: Route) -> Principal:
    """Who asks on this route: by an API key with its scope, or by what the route takes instead. Raises Refused."""
    if route.admit is None:
        return await authenticate(edge, call, route.scope)
    edge.limits.take_stranger(call.request.remote or "", monotonic())
    call.principal = await route.admit(edge, call)
    return call.principal


async def authenticate(edge: Edge, call: Call, scope: str) -> Principal:
    """Who asks, after keys, limits and scope were checked. Raises Refused."""
    if edge.lacks or edge.feed is None or not edge.feed.alive:
        await edge.require_live()
    headers = call.request.headers
    principal = call.principal = edge.keys.principal(headers.get("Authorization"), headers.get("X-Api-Key"))
    edge.limits.take(principal.tenant, edge.keys.rate(principal.tenant), monotonic())
    if scope:
        principal.require(scope)
    return principal
