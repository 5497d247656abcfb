"""What a domain makes of events: reactions make commands, folds learn. Each has a name and a cursor, and says what history is to it."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec

from consumers.runtime.projection import Write
from consumers.runtime.table import Table
from contracts.envelope import Envelope
from contracts.message import Command, Event, versions_of

CURSOR = "reaction."
"""What a reaction's cursor is named by, before its own name."""
React = Callable[[Any, Envelope], Iterable[Command]]
Events = type[Event] | tuple[type[Event], ...]


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """Turns events into commands of its domain.

    `history` says what the log's past is to it when it is new: `act` takes all as if it happened now, `skip` begins where the log ends.
    It never overtakes the fold that it `follows`, whose copy its commands complete. `unnamed`: the former ids of its commands are without
    its name, as they were before reactions had one.
    """

    name: str
    on: Events
    make: React
    history: Literal["skip", "act"]
    follows: str = ""
    unnamed: bool = False

    @property
    def events(self) -> tuple[type[Event], ...]:
        """What it reacts to."""
        return self.on if isinstance(self.on, tuple) else (self.on,)


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """Keeps the domain's copy of what others' events say, in one table: a function of the event and the copy's rows, many events at once.

    It leaves no inbox row and makes no event. When it is new, all of the log's past is learned before its domain takes commands.
    `formerly` is the reaction by which earlier releases learned the same, by commands: up to where that came, their events hold the copy.
    """

    name: str
    on: Events
    into: Table[Any]
    write: Write
    formerly: React | None = None

    @property
    def history(self) -> Literal["learn"]:
        """All of it is learned."""
        return "learn"

    @property
    def events(self) -> tuple[type[Event], ...]:
        """What it learns from."""
        return self.on if isinstance(self.on, tuple) else (self.on,)


Hearer = Reaction | Fold


class Ears:
    """A domain's reactions by the types that they hear, older versions included."""

    def __init__(self, reacts: Sequence[Hearer]) -> None:
        self.named: dict[str, Hearer] = {}
        self._hear: dict[str, list[Hearer]] = {}
        for one in reacts:
            if self.named.setdefault(one.name, one) is not one:
                raise ValueError(f"two reactions of one domain are named {one.name}")
            for event in one.events:
                for entry in versions_of(event):
                    self._hear.setdefault(entry.full_name, []).append(one)
        for one in reacts:
            if isinstance(one, Reaction) and one.follows and not isinstance(self.named.get(one.follows), Fold):
                raise ValueError(f"the reaction {one.name} follows {one.follows}, which is no fold of its domain")

    def of(self, kind: str) -> Sequence[Hearer]:
        """Who hears events of this type."""
        return self._hear.get(kind, ())

    def types(self, names: Iterable[str]) -> list[str]:
        """The types that these reactions hear."""
        return [kind for kind, heard in self._hear.items() if any(one.name in names for one in heard)]

    def follows(self, name: str) -> str:
        """The fold that a reaction never overtakes; empty without one."""
        one = self.named[name]
        return one.follows if isinstance(one, Reaction) else ""

    def with_followers(self, fold: str) -> set[str]:
        """A fold and the reactions that never overtake it."""
        return {fold, *(name for name in self.named if self.follows(name) == fold)}


ears_of = lru_cache(64)(Ears)
"""The ears of a domain's reactions, made once."""
