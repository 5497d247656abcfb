"""An entity is declared once: its row as a Struct, and a value that says what the row's fields cannot. Whatever is derived reads these two.

The table, its checks and indexes, the view and its grants (`deploy.drafts`), what the edge answers (`api_edge.entities`), what a domain
keeps in memory (`consumers.runtime.table`).
"""

from types import NoneType
from typing import Any, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from contracts.fields import Moment
from contracts.visibility import Discreet, Internal, Public, Visibility, markers


class Row(Discreet, frozen=True, kw_only=True):
    """What every event table has: the tenant, a count of the events that changed the row, and when they happened."""

    tenant_id: Internal[UUID]
    version: Public[int] = 0
    created_at: Public[Moment]
    updated_at: Public[Moment]


R = TypeVar("R", bound=Row)
S = TypeVar("S", bound=msgspec.Struct)
_MOST = 600  # characters of a text that is unique: PostgreSQL takes entries of 2,704 bytes, and a character has up to four


class Entity(msgspec.Struct, Generic[R], frozen=True):
    """A thing with a table of its own. The tenant comes first in each of its keys and is never written out here."""

    table: str  # domain.plural, as in the database
    row: type[R]  # its fields are the table's columns; a new one goes last, with a default if there are rows already
    key: tuple[str, ...]
    about: str  # what the table holds: its comment in the database
    unique: tuple[tuple[str, ...], ...] = ()  # columns that no two living rows of a tenant have alike
    over: tuple[str, ...] = ()  # states of rows that nobody sees any more, and whose unique values are free again
    indexes: tuple[tuple[str, ...], ...] = ()  # further columns by which deciders ask for rows
    view: str | None = ""  # in the schema `read`; empty: called like the table; None: it has none, or one that is written by hand
    newest: bool = True  # whether lists of it are read, newest first

    def __post_init__(self) -> None:
        hints = get_type_hints(self.row)
        for name in (*self.key, *(name for columns in (*self.unique, *self.indexes) for name in columns)):
            if name not in hints:
                raise TypeError(f"{self.table}: {self.row.__name__} has no field {name}")
        for state in self.over:
            if get_origin(hints.get("state")) is not Literal or state not in get_args(hints["state"]):
                raise TypeError(f"{self.table}: {state} is no state of {self.row.__name__}")
        if self.newest and len(self.key) != 1:
            raise TypeError(f"{self.table}: a list of {self.row.__name__}, newest first, needs a key of one column to go on from")
        for name in dict.fromkeys(name for columns in (*self.unique, *self.indexes) for name in columns):
            if NoneType in get_args(hints[name]):  # nothing equals null: no row would be found by it, and two could have it alike
                raise TypeError(f"{self.table}: {self.row.__name__}.{name} may be None, by which no row is found; say nothing by a value")
        for field in msgspec.structs.fields(self.row) if self.unique else ():
            if any(field.name in columns for columns in self.unique) and hints[field.name] is str and not _bound(field.type):
                raise TypeError(
                    f"{self.table}: what is unique lies in an index: {self.row.__name__}.{field.name} needs a max_length of {_MOST}"
                )

    def __repr__(self) -> str:
        return self.table

    @property
    def domain(self) -> str:
        return self.table.partition(".")[0]

    @property
    def plural(self) -> str:
        return self.table.partition(".")[2]

    @property
    def thing(self) -> str:
        """One of them, as codes and addresses say it: `category`."""
        return self.key[-1].removesuffix("_id") if self.key else "tenant"

    @property
    def shown_as(self) -> str:
        """The view's name without its schema."""
        return self.view or self.plural

    def constraint(self, columns: tuple[str, ...]) -> str:
        """The name of the constraint by which these columns are unique."""
        return f"{self.plural}_{'_'.join(columns)}_unique"

    def fields(self, most: Visibility) -> tuple[str, ...]:
        """The row's fields that are at most so closed."""
        return tuple(name for name, marker in markers(self.row).items() if marker <= most)


def _bound(kind: Any) -> bool:
    """Whether a text fits an index, whatever its characters are."""
    return any(0 < (getattr(one, "max_length", None) or 0) <= _MOST for one in getattr(kind, "__metadata__", ()))


def carry(kind: type[S], source: msgspec.Struct, /, **more: Any) -> S:
    """A Struct of the fields that it has in common with another one, and more; for five equal fields and above, fewer are written out.

    No type checker sees a field that is forgotten here: `tests/house/test_carried.py` does, where `kind` and `source` are plain names.
    """
    known = source.__struct_fields__
    return kind(**{name: getattr(source, name) for name in kind.__struct_fields__ if name in known and name not in more}, **more)
