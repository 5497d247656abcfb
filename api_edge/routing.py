"""The two kinds of routes; a route is one line in a table of api_edge.routes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

import sql
from contracts.message import Command

if TYPE_CHECKING:
    from api_edge.auth.principals import Principal
    from api_edge.auth.secrets import SecretKind
    from api_edge.edge import Call, Edge

Row = dict[str, Any]
Prepare = Callable[["Edge", "Call", Any], Command]  # the command as sent, to the command that is published
Check = Callable[["Edge", "Call", Any], Awaitable[None]]  # of the command that is published; Refused says what is wrong with it
Reveal = Callable[["Edge", Row], Awaitable[None]]  # the answer's body, changed in place
Present = Callable[["Edge", "Call", list[Row]], list[Row]]
Complete = Callable[["Edge", "Call", Row, Row], Awaitable[None]]  # the row as found, and as presented: changed in place
Read = Callable[["Edge", str], Any]  # a parameter's text to its value; ValueError says what is wrong

Admit = Callable[["Edge", "Call"], Awaitable["Principal"]]  # who asks, where that is told by something else than an API key

ConvertPath = Callable[["Edge", "Call", str], Any]  # a name of the path; Refused says what is wrong


class Filter(msgspec.Struct, frozen=True):
    """An optional parameter by which a list is narrowed, and what clients may send there, as JSON Schema."""

    read: Read
    schema: dict[str, Any]


class CommandRoute(msgspec.Struct, frozen=True):
    """A request that becomes a command: the path's names fill its fields, the body the others."""

    method: str
    path: str
    command: type[Command]
    scope: str
    summary: str
    answers: int = 200  # the status once it is done
    location: str = ""  # where the new thing is, with names of the answer's body
    hidden: tuple[str, ...] = ()  # fields that the edge fills, never the caller
    told: type[msgspec.Struct] | None = None  # what its caller is told, where the edge adds to what the command answers
    secret: "SecretKind | None" = None  # what the command makes a secret of, which the edge draws and shows
    prepare: Prepare | None = None
    check: Check | None = None  # what no domain can see, as what lies in the store; whatever passes, the domain decides still
    reveal: Reveal | None = None
    dry_run: bool = False  # whether `?dry_run=true` is understood
    for_platform: bool = False  # goes to the platform tenant, to which nodes belong, whoever asks
    texts: tuple[str, ...] = ()  # the path's names that are not UUIDs
    admit: Admit | None = None  # instead of an API key


class QueryRoute(msgspec.Struct, frozen=True):
    """A request that is one statement; a list is read page by page along `keyset`."""

    method: str
    path: str
    query: str  # the statement's name
    scope: str
    summary: str
    row: type[msgspec.Struct]
    statement: str = ""  # where it is derived (`api_edge.entities`); empty: it stands in sql/read under its name
    one: bool = False
    keyset: tuple[str, ...] = ()  # the columns that a list is ordered by
    filters: Mapping[str, Filter] = {}  # optional parameters of the address, in the statement's order
    reads: tuple[str, ...] = ()  # further optional parameters, which `present` reads
    params: Mapping[str, ConvertPath] = {}  # converters of the path's names that are not UUIDs
    present: Present | None = None
    complete: Complete | None = None  # one=True: what of the answer has to be waited for
    reads_platform: bool = False  # reads the platform tenant's rows too, beside the caller's own
    may_be_empty: bool = False  # one=True: `present` makes the answer when there is no row
    admit: Admit | None = None  # instead of an API key

    bounded: bool = False  # a page looks at so many rows and no more: one without any may not be the last
    walk: "Walk | None" = None  # a list that is read from other places than one statement

    @property
    def text(self) -> str:
        """The statement itself. Raises AttributeError where it is neither derived nor in sql/read."""
        text: str = self.statement or getattr(sql.load("read"), self.query)
        return text


class Walked(msgspec.Struct, frozen=True):
    """A page of a list: as far as it was read, which may be rows that are not wanted; `reached` is None at the end."""

    rows: list[Row]
    reached: int | None
    position: str


Walk = Callable[["Edge", list[Any]], Awaitable[Walked]]  # by the statement's parameters, of which the last is how many rows are wanted
Route = CommandRoute | QueryRoute
