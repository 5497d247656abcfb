"""Scopes: what a route asks for (`area:read`, `area:write`), and what somebody was granted; which exist is derived from the routes."""

from collections.abc import Iterable, Iterator, Set

import msgspec

from api_edge.routing import CommandRoute, Route

EVERYTHING = "*"
PLATFORM = "farm:"
"""The area of what belongs to the platform and to no tenant: its nodes. Only the tenant that runs the installation has it."""


class Scope(msgspec.Struct, frozen=True):
    """One scope, and all that it opens."""

    name: str
    routes: tuple[str, ...]  # "POST /v1/renders", in the order of the tables


def registry(routes: Iterable[Route], beside: Iterable[tuple[str, str]] = ()) -> dict[str, Scope]:
    """Every scope that a route asks for, by name; `beside` are routes that stand in no table, each with its scope."""
    opened: dict[str, list[str]] = {}
    for scope, route in (*((route.scope, f"{route.method} {route.path}") for route in routes), *beside):
        if scope:
            opened.setdefault(scope, []).append(route)
    return {name: Scope(name, tuple(opened[name])) for name in sorted(opened)}


def covers(granted: Set[str], scope: str) -> bool:
    """Whether one of the grants is the scope, its whole area (`area:*`) or everything."""
    return EVERYTHING in granted or scope in granted or f"{scope.partition(':')[0]}:*" in granted


def grants(known: Iterable[str]) -> Iterator[str]:
    """All that can be granted: everything, each area, each scope."""
    names = sorted(known)
    yield EVERYTHING
    yield from dict.fromkeys(f"{name.partition(':')[0]}:*" for name in names)
    yield from names


def misplaced(routes: Iterable[Route]) -> list[str]:
    """Routes whose commands go to the platform, and that everybody's keys would open."""
    return [
        f"{route.method} {route.path}"
        for route in routes
        if isinstance(route, CommandRoute) and route.for_platform and route.admit is None and not route.scope.startswith(PLATFORM)
    ]
