"""Whether this edge lives and is ready, and its metrics: what a load balancer and a monitor ask, without a key."""

from functools import partial

import msgspec
from aiohttp import web

from adapters.metrics import Registry
from api_edge.edge import Edge
from api_edge.errors import Refused
from api_edge.http.pages import Page, fixed


def routes(edge: Edge) -> list[web.RouteDef]:
    """The routes of all these pages."""
    return [
        web.get("/livez", fixed(b'{"status":"alive"}', "application/json")),
        web.get("/readyz", _readiness(edge)),
        web.get("/metrics", _metrics(edge)),
    ]


def _readiness(edge: Edge) -> Page:
    """Ready is an edge that lacks nothing and whose feed is alive."""

    async def page(_: web.Request) -> web.Response:
        reasons = dict(edge.lacks)
        if edge.feed is not None and not edge.feed.alive:
            reasons["feed"] = "the event feed is silent, so that a revoked key could not be told"
        # What waits for a person stops no request: the answer names it and stays as it is.
        body = {"ready": not reasons, "reasons": reasons, "alarms": await _alarms(edge)}
        return web.Response(body=msgspec.json.encode(body), status=503 if reasons else 200, content_type="application/json")

    return page


async def _alarms(edge: Edge) -> dict[str, str]:
    try:
        return await edge.reader.alarms() if edge.reader else {}
    except Refused:  # the database is away, which shows elsewhere
        return {}


def _metrics(edge: Edge) -> Page:
    async def page(_: web.Request) -> web.Response:
        text = edge.metrics.text() + await _checked(edge)
        return web.Response(body=text.encode(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return page


async def _checked(edge: Edge) -> str:
    """What the standing check found, which every edge reads from the database; nothing while that is away."""
    try:
        found = await edge.reader.checked() if edge.reader else None
    except Refused:
        found = None
    if found is None:
        return ""
    age, whole_age, differences = found
    metrics = Registry()
    metrics.gauge("flatrender_check_differences", "What the standing check found and what stands.", lambda: float(differences))
    for name, about, value in (
        ("flatrender_check_age_seconds", "Since the standing check looked.", age),
        ("flatrender_check_whole_age_seconds", "Since everything was looked at and agreed.", whole_age),
    ):
        metrics.gauge(name, about, partial(_seconds, value))
    return metrics.text()


def _seconds(value: float | None) -> float:
    return float("inf") if value is None else value
