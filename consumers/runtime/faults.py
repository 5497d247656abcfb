"""Whose fault an error is: the message's, ours, or nobody's, because it passes by itself."""

from collections.abc import Container
from typing import Literal

import asyncpg

from consumers.runtime.connection import DATABASE_AWAY

Fault = Literal["message", "ours", "passing"]
# PostgreSQL's classes of errors that a command's own values cause: data, integrity, a row or text that is larger than can be.
_MESSAGE = ("22", "23", "54")
# They look as if they passed, and do not by themselves: a full disk, and a statement that takes longer than it may.
_LASTING = (asyncpg.DiskFullError, asyncpg.QueryCanceledError)


class DomainWaits(Exception):
    """The runtime's own statements fail: nothing can be decided, whatever comes; the text is for the log and for operators."""


def message_of(error: Exception) -> str:
    """What an error says, for a log, a row or an event: without PostgreSQL's details, which quote the values of rows, secret ones too."""
    said = error.args[0] if isinstance(error, asyncpg.PostgresError) and error.args else error
    return f"{type(error).__name__}: {said}"


def fault_of(error: Exception, *, among_rows: bool, written: Container[tuple[str, str]] = ()) -> Fault:
    """Judge what a batch failed with; `among_rows` says that a table's rows were being loaded or written.

    `written` are the tables' columns that this release writes: one of another release that wants a value is no command's doing.
    """
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):  # asyncpg could not encode a parameter
        return "message"
    if isinstance(error, DATABASE_AWAY) and not isinstance(error, _LASTING):
        return "passing"
    if isinstance(error, asyncpg.NotNullViolationError) and (f"{error.schema_name}.{error.table_name}", error.column_name) not in written:
        return "ours"
    if isinstance(error, asyncpg.PostgresError):
        return "message" if (error.sqlstate or "").startswith(_MESSAGE) else "ours"
    # A row that cannot be read, or came back for another tenant, is not the command's doing; what it said itself and cannot be encoded is.
    return "ours" if among_rows else "message"
