"""Where each reaction of a domain stands: its cursor row, made at its first start, and what its domain has to learn before it works."""

import time
from collections.abc import Sequence

import asyncpg
import msgspec

from consumers.runtime.decoding import Happened, former_reaction_id
from consumers.runtime.domain import Domain
from consumers.runtime.faults import DomainWaits
from consumers.runtime.history import History
from consumers.runtime.reactions import CURSOR, Ears, Fold, Hearer
from consumers.runtime.store import Store

PAGE = 2000  # events that are read at once


class Place(msgspec.Struct, frozen=True):
    """A reaction's cursor row, as it stood when its domain began to lead."""

    position: int
    goal: int  # until it has come so far, its domain takes no commands; 0 for what does not learn

    @property
    def learns(self) -> bool:
        """Whether its domain waits for it."""
        return self.position < self.goal


class Row(msgspec.Struct, frozen=True):
    """A cursor row; it is without a goal where a migration made it and its fold has not begun."""

    position: int
    goal: int | None
    learns: bool

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.position, self.goal or 0)


class Group(msgspec.Struct):
    """Reactions that stand at the same place in memory, and are read for together."""

    cursor: int
    names: set[str]
    delay: float = 0.0  # seconds, of what fails: between two tries
    not_before: float = 0.0  # by the monotonic clock
    turn: int = 0  # which one it had last

    def put_off(self, seconds: float) -> None:
        """Leave it alone for so long."""
        self.not_before = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until it may be tried."""
        return max(0.0, self.not_before - time.monotonic())


async def standing(conn: asyncpg.Connection, domain: str) -> dict[str, Place]:
    """Where a domain's reactions stand, by their names; nothing in a database that is not brought to this release yet."""
    try:
        rows = await _rows(Store(conn, domain))
    except asyncpg.UndefinedColumnError:
        return {}
    return {name.removeprefix(CURSOR): row.place for name, row in rows.items()}


async def begin(store: Store, domain: Domain, history: History, ears: Ears) -> dict[str, Place]:
    """Find, or make, the cursor of each reaction. Raises errors of DATABASE_AWAY, and DomainWaits where a name means another kind now."""
    rows = await _rows(store)
    _require_kinds(domain, rows)
    head = await history.head()
    new = [one for one in domain.reacts if CURSOR + one.name not in rows]
    came = {name: await _came(store, domain, history, ears, fold, rows[name].position, head) for name, fold in _taken_over(domain, rows)}
    async with store.transaction(None):
        await store.conn.execute(store.q.begin_cursors, *_first(new, head))
        for name, position in came.items():
            await store.conn.execute(store.q.take_over_cursor, name, position)
        rows = await _rows(store)
    return {one.name: rows[CURSOR + one.name].place for one in domain.reacts}


async def begin_ids(store: Store, history: History) -> int:
    """Up to where reactions' commands have the ids of the releases before: where the log ended when the first leader of this one began.

    A reaction that was held up may hear an event again of which commands were decided: under other ids they would be decided once more.
    """
    head = await history.head()
    async with store.transaction(None):
        await store.conn.execute(store.q.begin_ids, head)
        return int(await store.conn.fetchval(store.q.former_ids))


async def _rows(store: Store) -> dict[str, Row]:
    return {row["name"]: Row(row["position"], row["goal"], row["learns"]) for row in await store.conn.fetch(store.q.cursors)}


def _require_kinds(domain: Domain, rows: dict[str, Row]) -> None:
    """What a reaction has passed a fold of its name would never learn, and replay would count it as learned. Raises DomainWaits."""
    for one in domain.reacts:
        row, is_fold = rows.get(CURSOR + one.name), isinstance(one, Fold)
        if row is not None and row.learns != is_fold:
            is_now, was = ("a fold", "no fold") if is_fold else ("no fold", "a fold")
            raise DomainWaits(f"{one.name} is {is_now} in this release and was {was} before: it needs a name of its own")


def _first(new: Sequence[Hearer], head: int) -> tuple[list[str], list[int], list[int], list[int], list[bool]]:
    """The columns of begin_cursors: `skip` begins at the head, all else with the log; what learns takes down the head."""
    names = [CURSOR + one.name for one in new]
    begin = [head if one.history == "skip" else 0 for one in new]
    learns = [isinstance(one, Fold) for one in new]
    return names, begin, begin, [head if one else 0 for one in learns], learns


def _taken_over(domain: Domain, rows: dict[str, Row]) -> list[tuple[str, Fold]]:
    """The folds whose cursors a migration made of an earlier release's, and that begin for the first time."""
    folds = [(CURSOR + one.name, one) for one in domain.reacts if isinstance(one, Fold)]
    return [(name, fold) for name, fold in folds if name in rows and rows[name].goal is None]


async def _came(store: Store, domain: Domain, history: History, ears: Ears, fold: Fold, cursor: int, head: int) -> int:
    """Up to where an earlier release has learned by commands: its cursor, or beyond, where it had held other reactions back before that."""
    came = at = cursor
    while fold.formerly is not None and at < head:
        page = await history.read(at, head, ears.types({fold.name}), most=PAGE)
        at = page.reached
        told = [Happened.of_record(row) for row in page.events]
        commands = [(one, n, cmd) for one in told for n, cmd in enumerate(fold.formerly(one.decoded(), one.envelope))]
        made = [(one, former_reaction_id(one.envelope.id, cmd, n)) for one, n, cmd in commands]
        async with store.transaction(None):
            decided = await store.conn.fetch(store.q.decided, [one.envelope.tenant for one, _ in made], [id for _, id in made])
        ids = {row["id"] for row in decided}
        came = max([came, *(one.position for one, id in made if id in ids)])
    return came
