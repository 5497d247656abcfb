"""Around every request: its id, its problem if it has one, its line in the access log, its metrics."""

import logging
import re
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TypeVar

from aiohttp import web

from api_edge import errors
from api_edge.auth.signing import random_id
from api_edge.edge import Call, Edge
from api_edge.http.access_log import AccessLog
from api_edge.http.bodies import COMMAND_LIMIT
from api_edge.http.responses import Answer
from api_edge.http.texts import check_address, header, whole
from contracts.ids import id_text
from contracts.outcome import Problem
from producers.publisher import MessageTooLarge, PublishFailed

log = logging.getLogger(__name__)
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,128}")

Given = TypeVar("Given", bound=web.StreamResponse | Answer)
Handler = Callable[[Edge, Call], Awaitable[Given]]


class Guard:
    """Wraps handlers; nothing that goes wrong within goes out as a traceback."""

    def __init__(self, edge: Edge, access_log: AccessLog) -> None:
        self._edge, self._access = edge, access_log
        self._requests = edge.metrics.counter("flatrender_http_requests_total", "Answers by route and status.", ("route", "status"))
        self._seconds = edge.metrics.histogram("flatrender_http_seconds", "Time to the answer.", ("route",))

    def wrap(self, handler: Handler[web.StreamResponse | Answer], route: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The handler as aiohttp wants it."""
        answering = self.answering(handler, route)

        async def guarded(request: web.Request) -> web.StreamResponse:
            answer = await answering(request)
            return answer.response() if isinstance(answer, Answer) else answer

        return guarded

    def answering(self, handler: Handler[Given], route: str) -> Callable[[web.Request], Awaitable[Given | Answer]]:
        """The handler for a request, which raises nothing."""

        async def guarded(request: web.Request) -> Given | Answer:
            id = random_id()
            given = request.headers.get("X-Request-Id")
            named = given is not None and REQUEST_ID.fullmatch(given) is not None
            call = Call(request, id, given if named and given else id_text(id), perf_counter(), route, named)
            answer: Given | Answer
            try:
                check_address(request)
                if given is not None and not named:
                    header(request, "X-Request-Id")
                answer = await handler(self._edge, call)
            except Exception as error:
                answer = self._problem(call, error)
            if isinstance(answer, Answer) or not answer.prepared:
                answer.headers["X-Request-Id"] = call.request_id
            seconds = perf_counter() - call.started
            self._requests.add(route, str(answer.status))
            self._seconds.observe(seconds, route)
            self._access.write(call, answer.status, seconds)
            return answer

        return guarded

    def _problem(self, call: Call, error: Exception) -> Answer:
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
        return errors.answer(problem, whole(call.request.path), call.request_id, headers)
