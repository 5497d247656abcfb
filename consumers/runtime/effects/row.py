"""A claimed effect: its row, read; one try of it; and the commands that report it."""

import math
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from consumers.runtime.effects.declared import EffectKind, TooLate
from consumers.runtime.leading import clock
from contracts.effects import EffectEnd, EffectState
from contracts.envelope import Envelope
from contracts.ids import following_id
from contracts.message import Command, decode, encode, type_of

TO_BEGIN = 2.0  # seconds from `handing` to the first byte


class Unreadable(Exception):
    """This release cannot read the row."""


class Claimed(msgspec.Struct):
    """An effect that this process has claimed under a lease of its domain."""

    tenant_id: UUID
    id: UUID
    claim: UUID
    lease: int
    kind: EffectKind
    effect: Any
    envelope: Envelope
    attempts: int
    asks: int
    reports: int
    state: EffectState
    ended: EffectEnd
    destination: str = ""
    failures: int = 0  # of its destination in a row, when it was claimed
    cursor: Any = None
    answer: list[Command] | None = None
    last_error: str = ""
    unknown_for: float = 0.0  # seconds
    released: bool = False  # whether the claim was given back

    @classmethod
    def of(cls, row: Mapping[str, Any], kinds: Mapping[str, EffectKind], lease: int) -> "Claimed":
        """Read a row of the table. Raises Unreadable."""
        kind = kinds.get(row["kind"])
        if kind is None:
            raise Unreadable(f"this release has no kind {row['kind']!r}")
        try:
            effect = msgspec.json.decode(row["payload"], type=kind.payload)
            envelope = msgspec.json.decode(row["envelope"], type=Envelope)
            answer = _commands_of(row.get("answer"))
        except (msgspec.MsgspecError, KeyError, ValueError) as error:
            raise Unreadable(f"{type(error).__name__}: {error}") from error
        plain = {name: row[name] for name in ("tenant_id", "id", "claim", "attempts", "asks", "reports", "state", "ended", "destination")}
        more = {name: row[name] for name in ("failures", "cursor", "last_error", "unknown_for") if name in row.keys()}  # noqa: SIM118 - a Record
        return cls(**plain, **more, lease=lease, kind=kind, effect=effect, envelope=envelope, answer=answer)

    def reports_of(self, commands: Iterable[Command], ended: EffectEnd) -> list[Command]:
        """What reports an end: the commands, and those of a kind of money."""
        told = list(commands)
        if self.kind.ended is not None:
            told += self.kind.ended(self.effect, self.envelope, ended, self.last_error)
        return told

    def report_id(self, number: int, ended: EffectEnd) -> UUID:
        """The id of a reporting command: the same however often it is published, and another for each thing that is reported."""
        return report_id(self.id, ended, self.reports, number)


def report_id(effect: UUID, ended: EffectEnd, reports: int = 0, number: int = 0) -> UUID:
    """The id of the command with this number that reports an end, after so many reports of other things."""
    first = ended == "done" and not reports  # as the releases before named it
    return following_id(effect, f"report {number}" if first else f"report {ended} {reports} {number}")


class Try:
    """One try of an effect (declared.Call)."""

    def __init__(self, row: Claimed, until: float = math.inf) -> None:
        self.key, self.envelope, self.attempt = row.id, row.envelope, row.attempts
        self._until = until
        self.begun = False

    @property
    def left(self) -> float:
        """Seconds in which `begin` still lets through."""
        return self._until - clock()

    def begin(self) -> None:
        """Raises TooLate when the effect may count as handed over by nobody any more."""
        if clock() >= self._until:
            raise TooLate("more than two seconds have passed since this was marked as being handed over")
        self.begun = True


def answer_of(commands: Iterable[Command]) -> str:
    """Commands as their row keeps them."""
    return encode([{"type": type_of(command).full_name, "body": command} for command in commands]).decode()


class _Kept(msgspec.Struct):
    type: str
    body: msgspec.Raw


def _commands_of(answer: str | None) -> list[Command] | None:
    if answer is None:
        return None
    found = []
    for kept in msgspec.json.decode(answer, type=list[_Kept]):
        command = decode(kept.type, bytes(kept.body))
        if not isinstance(command, Command):
            raise ValueError(f"{kept.type} is no command")
        found.append(command)
    return found
