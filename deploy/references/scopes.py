"""docs/reference/scopes.md: every scope and what it opens, as the tables of routes have it."""

from api_edge.auth.grants import PLATFORM_AREA
from api_edge.auth.principals import NOBODY_ELSES
from api_edge.auth.scopes import registry
from api_edge.routes import COMMANDS, QUERIES
from api_edge.stream import sse
from contracts.message import DEFAULT_TENANT
from deploy.references.sources import HEAD, table

_ABOUT = f"""# Scopes

{HEAD}
What an API key may do is a list of these. `area:*` is all of an area, and `*` is everything. A key gives no more than it has itself.
Scopes of the area `{PLATFORM_AREA.rstrip(":")}` work for the first tenant alone (`{DEFAULT_TENANT}`), which runs the installation.
"""


def document() -> str:
    """The whole text."""
    known = registry((*COMMANDS, *QUERIES), beside=sse.ROUTES)
    return f"{_ABOUT}\n{table(('scope', 'opens', ''), [(f'`{one.name}`', _routes(one.routes), _note(one.name)) for one in known.values()])}"


def _routes(routes: tuple[str, ...]) -> str:
    return "<br>".join(f"`{route}`" for route in routes)


def _note(scope: str) -> str:
    notes = (
        ("the first tenant's alone", scope.startswith(PLATFORM_AREA)),
        ("not while somebody acts as another person", scope in NOBODY_ELSES),
    )
    return "; ".join(text for text, holds in notes if holds)
