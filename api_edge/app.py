"""The HTTP application, made from the tables."""

from importlib.metadata import PackageNotFoundError, version

from aiohttp import web

from api_edge import openapi
from api_edge.auth import scopes
from api_edge.edge import Call, Edge
from api_edge.errors import Refused
from api_edge.handlers.commands import CommandHandler
from api_edge.handlers.queries import QueryHandler
from api_edge.http import health, pages
from api_edge.http.access_log import AccessLog
from api_edge.http.bodies import COMMAND_LIMIT
from api_edge.http.middleware import Guard
from api_edge.http.plain import HOT
from api_edge.routes import COMMANDS, QUERIES
from api_edge.stream import sse


def build_app(edge: Edge, access_log: AccessLog | None = None) -> web.Application:
    """All routes over one edge, which may still lack its connections."""
    access_log = access_log or AccessLog()
    app = web.Application(client_max_size=COMMAND_LIMIT)
    guard = Guard(edge, access_log)
    app[HOT] = {}
    edge.scopes = scopes.registry((*COMMANDS, *QUERIES), beside=sse.ROUTES)
    for command in COMMANDS:
        handler, route = CommandHandler(command), f"{command.method} {command.path}"
        app.router.add_route(command.method, command.path, guard.wrap(handler, route))
        if command.method == "POST" and "{" not in command.path and command.admit is None:
            app[HOT][command.path] = guard.answering(handler, route)
    for query in QUERIES:
        app.router.add_route(query.method, query.path, guard.wrap(QueryHandler(query), f"{query.method} {query.path}"))
    app.router.add_route("GET", "/v1/events", guard.wrap(sse.handle, "GET /v1/events"))
    app.add_routes([*health.routes(edge), *pages.routes(openapi.document(COMMANDS, QUERIES, _version()))])
    app.router.add_route("*", "/{path:.*}", guard.wrap(_nowhere, "unknown"))
    edge.metrics.gauge("flatrender_event_streams", "Open event streams.", lambda: len(edge.streams))
    edge.metrics.gauge("flatrender_connections", "Open connections.", lambda: len(edge.connections))
    edge.metrics.gauge("flatrender_connections_refused", "Connections ended because there were too many.", lambda: edge.connections.refused)
    edge.metrics.gauge(
        "flatrender_feed_position", "Log position that the feed has reached.", lambda: edge.feed.position if edge.feed else 0
    )
    edge.metrics.gauge(
        "flatrender_feed_foreign", "Messages of the feed that were not the log's.", lambda: edge.feed.foreign if edge.feed else 0
    )

    async def close_streams(_: web.Application) -> None:
        edge.streams.end_all("the edge stops; resume with the last id as Last-Event-ID")
        access_log.flush()

    app.on_shutdown.append(close_streams)
    return app


async def _nowhere(edge: Edge, call: Call) -> web.StreamResponse:
    """No route fits: say whether the address or only the method is wrong."""
    methods: set[str] = set()
    for resource in call.request.app.router.resources():
        if resource.canonical != "/{path}":
            _, allowed = await resource.resolve(call.request)
            methods |= allowed
    if methods:
        allow = ", ".join(sorted(methods))
        raise Refused("request.method", f"{call.request.method} is not possible here; possible: {allow}.", headers={"Allow": allow})
    raise Refused("request.not_found", f"There is nothing at {call.request.path[:200]}.")


def _version() -> str:
    try:
        return version("flatrender")
    except PackageNotFoundError:
        return "0"
