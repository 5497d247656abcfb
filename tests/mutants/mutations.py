"""Small wrong changes of the product, each put in place for a moment."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

import msgspec

from adapters.nats import ack, publish
from api_edge.auth import signing
from consumers.identity import api_keys
from consumers.log.append import Appender
from consumers.log.window import Verdict, Window
from consumers.render.kinds import segments
from consumers.render.leases.lease import PARTS
from consumers.runtime import decoding, leading, projection, runtime, settling
from consumers.runtime import domain as domain_module
from consumers.runtime.batch import Batch
from consumers.runtime.effects.runner import EffectRunner
from consumers.runtime.leading import Leading
from consumers.runtime.settling import Settler
from consumers.runtime.store import Store
from contracts import chain
from contracts.chain import Marks
from contracts.identity.secrets import SecretRevealed
from contracts.ids import derived_id
from tests.support.in_process import InProcessDomains

Mutation = Callable[[InProcessDomains], Any]  # gives a context manager, sync or async


async def _nothing(*_: Any) -> None:
    return None


def inbox_is_not_read(in_process: InProcessDomains) -> Any:
    """Commands that were decided before are decided again."""
    return patch.object(Batch, "_drop_seen", _nothing)


@contextmanager
def _without(in_process: InProcessDomains, query: str) -> Iterator[None]:
    keep = Store.keep_columns

    async def leave_out(self: Store, statement: str, columns: list[Any], *constants: Any) -> int:
        return 0 if statement == getattr(self.q, query) else await keep(self, statement, columns, *constants)

    with patch.object(Store, "keep_columns", leave_out):
        yield


def inbox_is_not_written(in_process: InProcessDomains) -> Any:
    """Nobody remembers what was decided."""
    return _without(in_process, "keep_operations")


def acknowledged_before_commit(in_process: InProcessDomains) -> Any:
    """The broker forgets commands that the database may never see."""
    settle = Settler.settle

    async def early(self: Settler, store: Store, items: list[Any], *rest: Any) -> None:
        for item in items:
            await ack(item.raw)
        await settle(self, store, items, *rest)

    return patch.object(Settler, "settle", early)


def outbox_is_not_written(in_process: InProcessDomains) -> Any:
    """Rows change without an event."""
    return _without(in_process, "keep_events")


def refusals_are_not_logged(in_process: InProcessDomains) -> Any:
    """The audit does not hear of refusals."""
    return patch.object(Batch, "_log", lambda self, item, cls, **values: None)


def every_lease_counts(in_process: InProcessDomains) -> Any:
    """Whoever reports is believed."""
    return patch.object(segments, "held", lambda part_id, epoch, view, ctx, kind: view.get(PARTS, part_id))


def transactions_serve_everyone(in_process: InProcessDomains) -> Any:
    """Row-level security is told to let everything through."""
    transaction = Store.transaction

    def serving_all(self: Store, tenants: Iterable[UUID] | None) -> Any:
        return transaction(self, None)

    return patch.object(Store, "transaction", serving_all)


@asynccontextmanager
async def table_without_row_security(in_process: InProcessDomains) -> AsyncIterator[None]:
    """A migration forgot a table."""
    await in_process.admin.execute("alter table file_mgr.upload_sessions disable row level security")
    try:
        yield
    finally:
        await in_process.admin.execute("alter table file_mgr.upload_sessions enable row level security")


def rows_take_the_wall_clock(in_process: InProcessDomains) -> Any:
    """A projection uses something that the event does not say."""
    moved = projection.moved

    def later(row: Any, envelope: Any, **values: Any) -> Any:
        return moved(
            row,
            type(envelope)(**{name: getattr(envelope, name) for name in envelope.__struct_fields__} | {"time": datetime.now(UTC)}),
            **values,
        )

    return patch.object(projection, "moved", later)


def batches_are_not_halved(in_process: InProcessDomains) -> Any:
    """One bad command takes its whole batch with it."""

    async def whole(self: Settler, store: Store, items: list[Any], cursors: Any, folded: Any = ()) -> None:
        batch = Batch(self.domain, store, items)
        await batch.commit()
        await self._tell(batch)

    return patch.object(Settler, "_commit", whole)


def poison_is_dropped(in_process: InProcessDomains) -> Any:
    """What cannot be stored is acknowledged and forgotten."""
    settle = Settler._commit

    async def dropping(self: Settler, store: Store, items: list[Any], *rest: Any) -> None:
        if len(items) == 1 and items[0].command is None:
            await ack(items[0].raw)
        else:
            await settle(self, store, items, *rest)

    return patch.object(Settler, "_commit", dropping)


def ids_forget_the_moment(in_process: InProcessDomains) -> Any:
    """What a command makes has ids by the command's id and a number alone, as once."""
    return patch.object(domain_module, "moment_id", lambda moment, tenant, command, domain, name: derived_id(command, name))


def our_faults_are_blamed_on_the_message(in_process: InProcessDomains) -> Any:
    """A column that is missing quarantines every healthy command."""
    return patch.object(settling, "fault_of", lambda error, **told: "message")


def the_cursor_passes_what_is_held(in_process: InProcessDomains) -> Any:
    """A reaction that could not be stored is passed over."""
    return patch.object(Settler, "safe", lambda self, reaction, cursor: cursor)


def nodes_choose_their_reports_ids(in_process: InProcessDomains) -> Any:
    """A report is the command of the id that its node gave it, in the tenant that the node names."""
    return patch.object(decoding, "_reported", lambda envelope, scope: envelope)


@contextmanager
def cursors_believe_the_stream(in_process: InProcessDomains) -> Iterator[None]:
    """A domain's cursor moves as far as its reader saw the stream."""
    q = in_process.stores["studio"].q
    with patch.object(q, "move_cursors", q.move_cursors.replace("least(m.position, h.published)", "m.position")):
        yield


def repeated_events_are_dropped(in_process: InProcessDomains) -> Any:
    """The second of two facts under one id is thrown away."""

    async def drop(self: Appender, name: str, record: Any, error: Exception) -> None:
        await self._conn.execute(f"delete from {name}.outbox where id = $1", record["id"])

    return patch.object(Appender, "_stop", drop)


def repeated_events_stop_everybody(in_process: InProcessDomains) -> Any:
    """What one domain's outbox holds is refused with all the others'."""

    async def all_or_nothing(self: Appender) -> list[Any]:
        return await self._move_all()

    return patch.object(Appender, "append", all_or_nothing)


def every_message_is_believed(in_process: InProcessDomains) -> Any:
    """What stands in the stream is an event."""
    return patch.object(Marks, "fits", lambda self, position, headers, body: True)


def a_seal_is_enough(in_process: InProcessDomains) -> Any:
    """Nobody recomputes the hash of what a message says."""
    return patch.object(chain, "hash_of", lambda position, headers, body: headers[chain.HASH])


def a_hash_is_enough(in_process: InProcessDomains) -> Any:
    """A right hash, which everybody can compute, makes a message an event."""

    def fits(self: Marks, position: int, headers: Any, body: bytes) -> bool:
        return chain.HASH in (headers or {}) and chain.hash_of(position, headers, body) == headers[chain.HASH]

    return patch.object(Marks, "fits", fits)


def rows_follow_by_sequence_alone(in_process: InProcessDomains) -> Any:
    """An event only says at which sequence it stands, not behind which event."""

    def row(frames: Any, expected_last: int, behind: str) -> Iterator[Any]:
        for position, frame in enumerate(frames):
            yield frame.subject, frame.body, frame.lines + b"Nats-Expected-Last-Sequence: %d\r\n" % (expected_last + position)

    return patch.object(publish, "_row", row)


def the_streams_end_is_believed(in_process: InProcessDomains) -> Any:
    """The sequencer goes on behind whatever stands last in the stream."""

    async def ours(self: Window, last: int, head: int) -> Verdict:
        return Verdict.OURS

    return patch.object(Window, "_verdict", ours)


def claims_run_out_by_themselves(in_process: InProcessDomains) -> Any:
    """Nobody takes over what a dead process had claimed before its minute is over."""
    return patch.object(EffectRunner, "take_over", _nothing)


def silent_leaders_are_left_alone(in_process: InProcessDomains) -> Any:
    """A standby waits until the server notices by itself that a leader is gone."""

    async def leave(self: Leading, conn: Any) -> float:
        return leading.LOOK

    return patch.object(Leading, "_end_silent", leave)


def statements_name_no_lease(in_process: InProcessDomains) -> Any:
    """What a former leader sends over its pool is carried out."""
    make = Store.__init__

    def without(self: Store, conn: Any, domain: str) -> None:
        make(self, conn, domain)
        for name, text in vars(self.q).items():
            setattr(self.q, name, re.sub(r"leader where lease = (\$\d+)", r"leader where lease >= least(lease, \1::bigint)", text))

    stores = [without(store, store.conn, store.domain) for store in in_process.stores.values()]
    assert len(stores) == len(in_process.stores)
    return patch.object(Store, "__init__", without)


def leases_are_all_one(in_process: InProcessDomains) -> Any:
    """Whoever leads goes on with what it began, whoever led in between."""

    async def always(self: Leading, lease: int) -> bool:
        return True

    return patch.object(Leading, "holds", always)


def idle_connections_are_not_watched(in_process: InProcessDomains) -> Any:
    """A lost connection shows only at the next command."""

    async def never(conn: Any) -> None:
        await asyncio.Event().wait()

    return patch.object(runtime, "until_lost", never)


def keys_are_the_tenants(in_process: InProcessDomains) -> Any:
    """A command's id does not say who asked."""
    made = signing.command_id
    return patch.object(signing, "command_id", lambda tenant, asker, route, key: made(tenant, "", route, key))


def keys_are_of_no_route(in_process: InProcessDomains) -> Any:
    """A command's id does not say where it was asked for, as in the releases before."""
    return patch.object(signing, "command_id", lambda tenant, asker, route, key: signing.first_command_id(tenant, asker + key))


def what_was_shown_is_forgotten(in_process: InProcessDomains) -> Any:
    """Nobody remembers which secrets were shown."""
    return patch.dict(in_process.domains["identity"].writes, {SecretRevealed: projection.nothing})


def the_hint_is_the_salt(in_process: InProcessDomains) -> Any:
    """What is shown of a key to people is what its secret is made of."""
    made = api_keys._created

    def telling(cmd: Any, key_id: UUID, format: int) -> Any:
        return made(msgspec.structs.replace(cmd, hint=cmd.salt), key_id, format)

    return patch.object(api_keys, "_created", telling)
