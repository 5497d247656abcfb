"""Small wrong changes of the product, each put in place for a moment."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

from adapters.nats import ack
from consumers.render import parts
from consumers.render.rows import PARTS
from consumers.runtime import leading, projection, runtime
from consumers.runtime.batch import Batch
from consumers.runtime.effects import EffectRunner
from consumers.runtime.leading import Leading
from consumers.runtime.runtime import Runtime
from consumers.runtime.store import Store
from tests.support.house import House

Mutation = Callable[[House], Any]  # gives a context manager, sync or async


async def _nothing(*_: Any) -> None:
    return None


def inbox_is_not_read(house: House) -> Any:
    """Commands that were decided before are decided again."""
    return patch.object(Batch, "_drop_seen", _nothing)


@contextmanager
def _without(house: House, query: str) -> Iterator[None]:
    keep = Store.keep_columns

    async def leave_out(self: Store, statement: str, columns: list[Any], *constants: Any) -> int:
        return 0 if statement == getattr(self.q, query) else await keep(self, statement, columns, *constants)

    with patch.object(Store, "keep_columns", leave_out):
        yield


def inbox_is_not_written(house: House) -> Any:
    """Nobody remembers what was decided."""
    return _without(house, "keep_operations")


def acknowledged_before_commit(house: House) -> Any:
    """The broker forgets commands that the database may never see."""
    settle = Runtime._settle

    async def early(self: Runtime, store: Store, items: list[Any], cursor: int) -> None:
        for item in items:
            await ack(item.raw)
        await settle(self, store, items, cursor)

    return patch.object(Runtime, "_settle", early)


def outbox_is_not_written(house: House) -> Any:
    """Rows change without an event."""
    return _without(house, "keep_events")


def refusals_are_not_logged(house: House) -> Any:
    """The audit does not hear of refusals."""
    return patch.object(Batch, "_log", lambda self, item, cls, **values: None)


def every_lease_counts(house: House) -> Any:
    """Whoever reports is believed."""
    return patch.object(parts, "held", lambda part_id, epoch, view, ctx: view.get(PARTS, part_id))


def transactions_serve_everyone(house: House) -> Any:
    """Row-level security is told to let everything through."""
    transaction = Store.transaction

    def serving_all(self: Store, tenants: Iterable[UUID] | None) -> Any:
        return transaction(self, None)

    return patch.object(Store, "transaction", serving_all)


@asynccontextmanager
async def table_without_row_security(house: House) -> AsyncIterator[None]:
    """A migration forgot a table."""
    await house.admin.execute("alter table file_mgr.upload_sessions disable row level security")
    try:
        yield
    finally:
        await house.admin.execute("alter table file_mgr.upload_sessions enable row level security")


def rows_take_the_wall_clock(house: House) -> Any:
    """A projection uses something that the event does not say."""
    moved = projection.moved

    def later(row: Any, envelope: Any, **values: Any) -> Any:
        return moved(
            row,
            type(envelope)(**{name: getattr(envelope, name) for name in envelope.__struct_fields__} | {"time": datetime.now(UTC)}),
            **values,
        )

    return patch.object(projection, "moved", later)


def batches_are_not_halved(house: House) -> Any:
    """One bad command takes its whole batch with it."""

    async def whole(self: Runtime, store: Store, items: list[Any], cursor: int) -> None:
        batch = Batch(self.domain, store, items, cursor)
        await batch.commit()
        await self._tell(batch)

    return patch.object(Runtime, "_settle", whole)


def poison_is_dropped(house: House) -> Any:
    """What cannot be stored is acknowledged and forgotten."""
    settle = Runtime._settle

    async def dropping(self: Runtime, store: Store, items: list[Any], cursor: int) -> None:
        if len(items) == 1 and items[0].command is None:
            await ack(items[0].raw)
        else:
            await settle(self, store, items, cursor)

    return patch.object(Runtime, "_settle", dropping)


def claims_run_out_by_themselves(house: House) -> Any:
    """Nobody takes over what a dead process had claimed before its minute is over."""
    return patch.object(EffectRunner, "take_over", _nothing)


def silent_leaders_are_left_alone(house: House) -> Any:
    """A standby waits until the server notices by itself that a leader is gone."""

    async def leave(self: Leading, conn: Any) -> float:
        return leading.LOOK

    return patch.object(Leading, "_end_silent", leave)


def statements_name_no_lease(house: House) -> Any:
    """What a former leader sends over its pool is carried out."""
    make = Store.__init__

    def without(self: Store, conn: Any, domain: str) -> None:
        make(self, conn, domain)
        for name, text in vars(self.q).items():
            setattr(self.q, name, re.sub(r"leader where lease = (\$\d+)", r"leader where lease >= least(lease, \1::bigint)", text))

    stores = [without(store, store.conn, store.domain) for store in house.stores.values()]
    assert len(stores) == len(house.stores)
    return patch.object(Store, "__init__", without)


def leases_are_all_one(house: House) -> Any:
    """Whoever leads goes on with what it began, whoever led in between."""

    async def always(self: Leading, lease: int) -> bool:
        return True

    return patch.object(Leading, "holds", always)


def idle_connections_are_not_watched(house: House) -> Any:
    """A lost connection shows only at the next command."""

    async def never(conn: Any) -> None:
        await asyncio.Event().wait()

    return patch.object(runtime, "until_lost", never)
