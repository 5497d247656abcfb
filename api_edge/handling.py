"""Around every request: its id, its problem if it has one, its line in the access log, its metrics."""

import logging
import re
from collections.abc import Awaitable, Callable
from time import perf_counter

from aiohttp import web

from api_edge import errors
from api_edge.access_log import AccessLog
from api_edge.bodies import COMMAND_LIMIT
from api_edge.edge import Call, Edge
from api_edge.signing import random_id
from api_edge.texts import check_address, header, whole
from contracts.outcome import Problem
from producers.publisher import MessageTooLarge, PublishFailed

log = logging.getLogger(__name__)
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,128}")

Handler = Callable[[Edge, Call], Awaitable[web.StreamResponse]]


class Guard:
    """Wraps handlers; nothing that goes wrong within leaves the house as a traceback."""

    def __init__(self, edge: Edge, access_log: AccessLog) -> None:
        self._edge, self._access = edge, access_log
        self._requests = edge.metrics.counter("flatrender_http_requests_total", "Answers by route and status.", ("route", "status"))
        self._seconds = edge.metrics.histogram("flatrender_http_seconds", "Time to the answer.", ("route",))

    def wrap(self, handler: Handler, route: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The handler as aiohttp wants it."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            id = random_id()
            given = request.headers.get("X-Request-Id")
            named = given is not None and REQUEST_ID.fullmatch(given) is not None
            call = Call(request, id, given if named and given else str(id), perf_counter(), route, named)
            try:
                check_address(request)
                if given is not None and not named:
                    header(request, "X-Request-Id")
                answer = await handler(self._edge, call)
            except Exception as error:
                answer = self._problem(call, error)
            if not answer.prepared:
                answer.headers["X-Request-Id"] = call.request_id
            seconds = perf_counter() - call.started
            self._requests.add(route, str(answer.status))
            self._seconds.observe(seconds, route)
            self._access.write(call, answer.status, seconds)
            return answer

        return guarded

    def _problem(self, call: Call, error: Exception) -> web.Response:
        headers: dict[str, str] = {}
        if isinstance(error, errors.Refused):
            problem, headers = error.problem, error.headers
        elif isinstance(error, web.HTTPRequestEntityTooLarge):
            problem = Problem(code="request.too_large", detail=f"The body has more than {COMMAND_LIMIT:,} bytes, which is the most.")
        elif isinstance(error, MessageTooLarge):
            problem = Problem(
                code="request.too_large", detail=f"As a message this has {error.size:,} bytes; at most {COMMAND_LIMIT:,} are possible."
            )
        elif isinstance(error, PublishFailed):
            log.warning("request %s could not be published: %s", call.request_id, error)
            problem = errors.unavailable("broker").problem
        elif isinstance(error, ConnectionResetError):
            problem = Problem(code="request.malformed", detail="The connection ended before the request was there.")
        else:
            log.error("request %s failed", call.request_id, exc_info=error)
            problem = Problem(code="internal.error", detail="Something went wrong here; it was written down under the request's id.")
        answer = errors.response(problem, whole(call.request.path), call.request_id, headers)
        if answer.status == 408:  # what comes yet is nobody's
            answer.force_close()
        return answer
