"""What every comparison of one look is given: the snapshot, the stretch, what EVENTS held before, the bounds, the walks."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from adapters.object_store import ObjectStore
from consumers.runtime.domain import Domain
from consumers.runtime.replay.projector import Spans
from deploy.check.bounds import Bounds
from deploy.check.differences import Counts, Difference
from deploy.check.stretch import Known, Stretch
from deploy.check.window import Seen


class Head(msgspec.Struct, frozen=True):
    """What the log says of itself."""

    now: datetime  # the server's
    published: int
    epoch: int
    seal: str
    position: int
    hash: str
    last: int  # the log's last position by its rows
    last_hash: str
    first: int  # the oldest position that is read in the table
    first_time: datetime | None

    @property
    def archived(self) -> datetime | None:
        """What happened before lies in archives; None while nothing does."""
        return self.first_time if self.first > 1 else None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the last check left."""

    position: int
    hash: str
    decided_at: datetime | None
    looked_at: datetime | None
    published: int  # what EVENTS must hold by now
    walks: dict[str, str]
    standing: tuple[Difference, ...]


class Look(msgspec.Struct, kw_only=True):
    """One look, in one snapshot of the database."""

    conn: asyncpg.Connection
    store: ObjectStore
    domains: Sequence[Domain]
    bounds: Bounds
    kept: Kept
    seen: Seen
    head: Head
    stretch: Stretch
    known: list[Known]  # its events with what they write
    spans: Spans  # between which positions each fold has learned
    unknown: list[Difference]  # those that cannot be read
    counts: Counts
    walked: dict[str, str] = {}  # where each walk goes on after this look
    unsure: list[str] = []

    @property
    def last(self) -> int:
        """The log's last position."""
        return self.head.position

    @property
    def walks(self) -> dict[str, str]:
        """Where each walk goes on in this look."""
        return self.kept.walks

    def again(self, walk: str) -> list[str]:
        """Where a walk has to look once more, as something stood there that was wrong."""
        mark = f"{walk} "
        return list(dict.fromkeys(one.again.removeprefix(mark) for one in self.kept.standing if one.again.startswith(mark)))

    def walking(self, walk: str, one: Difference, where: str) -> Difference:
        """A difference that only this walk comes by again."""
        return msgspec.structs.replace(one, again=f"{walk} {where}")

    async def breathe(self) -> None:
        """Let others have the processor: nobody waits for a check."""
        await asyncio.sleep(0)
