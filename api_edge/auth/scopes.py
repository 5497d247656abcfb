"""Scopes: what a route asks for (`area:read`, `area:write`); which exist is derived from the routes."""

from collections.abc import Iterable

from api_edge.auth.grants import PLATFORM_AREA, Scope
from api_edge.routing import CommandRoute, Route


def registry(routes: Iterable[Route], beside: Iterable[tuple[str, str]] = ()) -> dict[str, Scope]:
    """Every scope that a route asks for, by name; `beside` are routes that stand in no table, each with its scope."""
    opened: dict[str, list[str]] = {}
    for scope, route in (*((route.scope, f"{route.method} {route.path}") for route in routes), *beside):
        if scope:
            opened.setdefault(scope, []).append(route)
    return {name: Scope(name, tuple(opened[name])) for name in sorted(opened)}


def misplaced(routes: Iterable[Route]) -> list[str]:
    """Routes whose commands go to the platform, and that everybody's keys would open."""
    return [
        f"{route.method} {route.path}"
        for route in routes
        if isinstance(route, CommandRoute) and route.for_platform and route.admit is None and not route.scope.startswith(PLATFORM_AREA)
    ]
