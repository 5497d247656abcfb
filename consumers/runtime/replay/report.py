"""What a replay found: for each event table whether it is what the log says, and where it is not."""

from typing import Any, Literal

import msgspec


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One row that is not what the log says."""

    table: str
    key: dict[str, Any]  # the primary key's columns, tenant first
    kind: Literal["changed", "missing", "extra"]  # missing: the live table lacks it; extra: the log knows nothing of it
    columns: dict[str, tuple[Any, Any]] = {}  # changed only: the live and the replayed value of each column that differs

    def __str__(self) -> str:
        named = ", ".join(f"{name} {value}" for name, value in self.key.items())
        if self.kind != "changed":
            return f"{self.table}: {named} is {self.kind}"
        values = "; ".join(f"{name} is {live!r}, the log says {replayed!r}" for name, (live, replayed) in self.columns.items())
        return f"{self.table}: {named}: {values}"


class TableReport(msgspec.Struct, frozen=True, kw_only=True):
    """One event table, live and replayed; hashes are SHA-256 over all rows in key order, in hexadecimal."""

    table: str
    live_rows: int
    replayed_rows: int
    live_hash: str
    replayed_hash: str
    changed: int = 0
    missing: int = 0
    extra: int = 0
    differences: tuple[Difference, ...] = ()  # the first ones

    @property
    def equal(self) -> bool:
        return (self.live_rows, self.live_hash) == (self.replayed_rows, self.replayed_hash)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole verification."""

    events: int  # of the log
    unsequenced: int  # events that still lay in outboxes
    head: int  # the log's last position
    tables: tuple[TableReport, ...]
    problems: tuple[str, ...] = ()  # breaks of the chain, unknown types, events that cannot be applied
    seconds: float = 0.0

    @property
    def equal(self) -> bool:
        """Whether log and tables agree and the chain holds."""
        return not self.problems and all(table.equal for table in self.tables)

    @property
    def differences(self) -> list[Difference]:
        """What is known in detail, over all tables."""
        return [difference for table in self.tables for difference in table.differences]
