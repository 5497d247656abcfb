"""What somebody was granted: scopes, whole areas of them, or everything."""

from collections.abc import Iterable, Iterator, Set

import msgspec

EVERYTHING = "*"
PLATFORM_AREA = "farm:"
"""The area of what belongs to the platform and to no tenant: its nodes. Only the tenant that runs the installation has it."""


class Scope(msgspec.Struct, frozen=True):
    """One scope, and all that it opens."""

    name: str
    routes: tuple[str, ...]  # "POST /v1/renders", in the order of the tables


def covers(granted: Set[str], scope: str) -> bool:
    """Whether one of the grants is the scope, its whole area (`area:*`) or everything."""
    return EVERYTHING in granted or scope in granted or f"{scope.partition(':')[0]}:*" in granted


def grants(known: Iterable[str]) -> Iterator[str]:
    """All that can be granted: everything, each area, each scope."""
    names = sorted(known)
    yield EVERYTHING
    yield from dict.fromkeys(f"{name.partition(':')[0]}:*" for name in names)
    yield from names
