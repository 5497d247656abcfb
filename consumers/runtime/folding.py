"""Folding: many events onto the domain's copies at once, the same way live, in catching up and (one by one) at replay."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import msgspec

from consumers.runtime.projection import change
from consumers.runtime.reactions import CURSOR, Fold
from consumers.runtime.state import Load, Missing, State, View, Want
from contracts.entity import Row
from contracts.envelope import Envelope
from contracts.message import Event

Fetch = Callable[[Sequence[Load]], Awaitable[list[list[Row]]]]


class Folded(msgspec.Struct, frozen=True):
    """An event of the log that a fold takes in."""

    fold: Fold
    event: Event
    envelope: Envelope
    position: int


class NotMoved(Exception):
    """What was folded lies beyond its fold's cursor: that would be folded again."""


def require_moved(folded: Sequence[Folded], moved: Mapping[str, int]) -> None:
    """Nothing is folded without its cursor, in the same transaction. Raises NotMoved."""
    for one in folded:
        if moved.get(CURSOR + one.fold.name, 0) < one.position:
            raise NotMoved(f"the cursor of {one.fold.name} did not move to {one.position}")


async def fold(state: State, view: type[View], folded: Sequence[Folded], wants: Iterable[Want], fetch: Fetch) -> None:
    """Fold all in order, through such a view; `wants` are rows that others will ask for, loaded in that round. Raises what one raises."""
    asked = [*wants, *_apply(state, view, folded)]
    while asked:
        await state.load(asked, fetch)
        asked = _apply(state, view, folded)


def _apply(state: State, view: type[View], folded: Sequence[Folded]) -> list[Want]:
    """Fold all; or answer which rows have to be loaded before, with nothing changed."""
    mark = state.mark()
    wants: list[Want] = []
    for one in folded:
        try:
            for table, _ in change(one.fold.write, one.event, one.envelope, view(state, one.envelope.tenant)):
                if table is not one.fold.into:
                    raise TypeError(f"the fold {one.fold.name} wrote {table}, not {one.fold.into}")
        except Missing as missing:
            wants += missing.wants
    if wants:
        state.rollback(mark)
    return wants
