"""Who leads, on a real PostgreSQL: a leader that freezes or is cut off loses the lock, and writes and tells nothing when it comes back."""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

import sql
from adapters.settings import Settings
from consumers.runtime import leading as rules
from consumers.runtime.batch import Batch
from consumers.runtime.connection import CUTS, DATABASE_AWAY, until_lost
from consumers.runtime.effects.statements import MOVE
from consumers.runtime.leading import LeaderStore, Leading, Line
from consumers.runtime.store import Store, columns
from contracts.file_mgr.uploads import StartUpload
from deploy.consume import BOUNDS, pg_connect
from deploy.domains import domain_named
from deploy.local.servers import Servers
from tests.chaos.wires import Wire
from tests.support.databases import migrated
from tests.support.in_process import item_of
from tests.support.leader_process import DOMAIN, Leader
from tests.support.leading import app_connection, leads, standing_by
from tests.support.password import PASSWORD

pytestmark = pytest.mark.timeout(90)
KEPT_IN_A_BATCH = {
    "keep_operations",
    "keep_events",
    "keep_effects",
    "keep_timers",
    "drop_timers",
    "move_cursors",
    "begin_cursors",
    "begin_ids",
    "take_over_cursor",
    "probe",
}  # over the connection with the lock
A_PERSONS = {"reopen", "close_quarantined"}
PLACES = ("idle", "within", "committed", "effect")
COMMANDS = "select 'inbox', id from file_mgr.inbox union all select 'outbox', causation_id from file_mgr.outbox"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules with shorter times, for leaders of this very process."""
    for name, value in (("SPEAK", 0.1), ("SILENT", 2.0), ("SURE", 1.6), ("ANSWER", 2.0)):
        monkeypatch.setattr(rules, name, value)


async def written(line: Line, tenant: UUID) -> UUID:
    """Have a command decided over a leader's connection; its id."""
    item = item_of(StartUpload(name="a file", bytes=10), tenant)
    await Batch(domain_named(DOMAIN), LeaderStore(line, DOMAIN), [item]).commit()
    return item.envelope.id


async def in_tables(admin: asyncpg.Connection) -> list[tuple[str, UUID]]:
    """Every command that left something in the inbox, or an event."""
    return [tuple(row) for row in await admin.fetch(COMMANDS)]


class Takeover(NamedTuple):
    """What came of a process that froze, of its standby, and of it again when it was woken."""

    lease: int
    taken: int
    ours: UUID  # the standby's command
    again: int
    latest: int
    frozen: Leader
    commands: list[tuple[str, UUID]]
    effects: int


async def take_over_from_one_frozen(dsn: str, place: str) -> Takeover:
    tenant = uuid4()
    async with Leader(dsn, place, tenant) as frozen:
        lease, _ = await frozen.until_said("leads")
        standby = standing_by(dsn, DOMAIN)
        if place == "idle":
            frozen.freeze()
        await frozen.until_frozen()
        began = time.monotonic()
        async with standby.lead() as line:
            print(f"\ntakeover from a process frozen {place}: {time.monotonic() - began:.1f} s")
            taken = standby.lease
            ours = await written(line, tenant)
            frozen.wake()
            if place != "effect":
                await frozen.until_said("lost")
        again, _ = await frozen.until_said("leads", 2)  # it stood by, and leads when its turn comes
        await frozen.until_said("rests")
    admin = await asyncpg.connect(dsn)
    effects = await admin.fetchval("select count(*) from file_mgr.effects")
    came = Takeover(int(lease), taken, ours, int(again), standby._latest, frozen, await in_tables(admin), effects)
    await admin.close()
    return came


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def takeovers(servers: Servers) -> AsyncIterator[dict[str, asyncio.Task[Takeover]]]:
    """One for each place, each over a database of its own, all at once: nearly all of it is the wait until a leader counts as silent."""
    async with AsyncExitStack() as stack:
        places = {place: await stack.enter_async_context(migrated(servers.pg_admin_dsn)) for place in PLACES}
        tasks = {place: asyncio.create_task(take_over_from_one_frozen(dsn, place)) for place, dsn in places.items()}
        await asyncio.wait(tasks.values())
        yield tasks


@pytest.mark.parametrize("place", PLACES)
async def test_a_standby_takes_over_from_a_process_that_froze_which_writes_and_tells_nothing_when_woken(
    takeovers: dict[str, asyncio.Task[Takeover]], place: str
) -> None:
    came = await takeovers[place]
    assert (came.taken, came.again) == (came.lease + 1, came.latest + 1)
    (late,) = {UUID(words[0]) for words in came.frozen.words("decides")} or {None}
    kept = {"idle": [], "within": [], "committed": [late], "effect": [late]}[place]
    assert sorted(came.commands) == sorted((table, id) for id in (came.ours, *kept) for table in ("inbox", "outbox"))
    assert [UUID(words[0]) for words in came.frozen.words("tells")] == ([late] if place == "effect" else [])
    assert came.frozen.words("published") == []
    assert came.effects == 1 + len(kept)


@asynccontextmanager
async def wired(dsn: str) -> AsyncIterator[Wire]:
    port = urlsplit(dsn).port
    assert port
    async with Wire(lambda: port) as wire:
        yield wire


@pytest.mark.parametrize("place", ["idle", "within"])
async def test_a_standby_takes_over_from_a_process_that_was_cut_off_without_a_word(
    dsn: str, admin: asyncpg.Connection, place: str, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, cut = uuid4(), asyncio.Event()
    async with wired(dsn) as wire, AsyncExitStack() as stack:
        leader, standby = standing_by(dsn, DOMAIN, port=wire.port), standing_by(dsn, DOMAIN)
        line = await stack.enter_async_context(leader.lead())
        if place == "within":
            write = Batch._write

            async def cut_off(self: Batch, **how: Any) -> None:
                await write(self, **how)
                wire.cut("", "silent")
                cut.set()

            monkeypatch.setattr(Batch, "_write", cut_off)
            writing = asyncio.create_task(written(line, tenant))
            await cut.wait()
            monkeypatch.setattr(Batch, "_write", write)
        else:
            wire.cut("", "silent")
        began = time.monotonic()
        async with standby.lead() as other:
            print(f"\ntakeover from a process cut off {place}, where {rules.SILENT} s are silent: {time.monotonic() - began:.1f} s")
            ours = await written(other, tenant)
            wire.heal("")
            if place == "within":
                with pytest.raises(DATABASE_AWAY):
                    await writing
            while not line.conn.is_closed():
                await asyncio.sleep(0.01)
            with pytest.raises(DATABASE_AWAY):
                await written(line, tenant)
    assert sorted(await in_tables(admin)) == [("inbox", ours), ("outbox", ours)]


async def test_a_leader_that_nobody_answers_any_more_drops_its_connection_by_itself(dsn: str, hasty: None) -> None:
    async with wired(dsn) as wire, standing_by(dsn, DOMAIN, port=wire.port).lead() as line:
        wire.cut("", "silent")
        while not line.conn.is_closed():
            await asyncio.sleep(0.01)


class Looks:
    """Counts how often a standby looks at the leader."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        look = Leading._end_silent

        async def counted(one: Leading, conn: asyncpg.Connection) -> float:
            self.count += 1
            await look(one, conn)
            return rules.LOOK

        monkeypatch.setattr(Leading, "_end_silent", counted)

    async def some(self) -> None:
        """Wait for more looks than fit into the time after which a leader is silent."""
        while self.count < 2 + 3 * rules.SILENT / rules.LOOK:
            await asyncio.sleep(0.01)


async def test_an_idle_leader_keeps_its_lock_beside_a_standby(dsn: str, hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch)
    async with leads(dsn, DOMAIN) as leader, asyncio.TaskGroup() as group:
        waiting = group.create_task(held_once(standing_by(dsn, DOMAIN)))
        await looks.some()
        assert leader.lease and not waiting.done() and await leader.holds(leader.lease)
        waiting.cancel()


async def held_once(leading: Leading) -> None:
    async with leading.lead():
        return


async def test_a_statement_that_takes_long_is_no_silence(dsn: str, hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch)
    leader = standing_by(dsn, DOMAIN)
    async with leader.lead() as line, asyncio.TaskGroup() as group:
        waiting = group.create_task(held_once(standing_by(dsn, DOMAIN)))
        async with line:
            working = group.create_task(line.conn.execute("select pg_sleep(60)"))
            await looks.some()
            assert not waiting.done() and not working.done() and not line.conn.is_closed()
            assert not line.is_sure  # what was begun before waits for the end of the work, or of the leader
            working.cancel()
        waiting.cancel()


async def test_a_word_and_work_never_meet_on_the_connection(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "SPEAK", 1e-6)  # it speaks whenever there is no work
    words = 0
    say = Line._say

    async def counted(line: Line) -> None:
        nonlocal words
        words += 1
        await say(line)

    monkeypatch.setattr(Line, "_say", counted)
    tenant = uuid4()
    async with standing_by(dsn, DOMAIN).lead() as line:
        done = {await written(line, tenant) for _ in range(200)}
        for _ in range(200):
            await asyncio.sleep(0)
            done.add(await written(line, tenant))
    assert len(done) == 400 and words > 10


async def test_who_leads_again_without_another_in_between_goes_on_with_what_it_began(dsn: str) -> None:
    leading = standing_by(dsn, DOMAIN)
    async with leading.lead():
        first = leading.lease
    async with leading.lead():
        assert leading.lease == first + 1 and await leading.holds(first)
    async with standing_by(dsn, DOMAIN).lead():
        pass
    async with leading.lead():
        assert not await leading.holds(first) and await leading.holds(leading.lease)


def test_every_statement_that_writes_over_a_pools_connection_names_the_lease() -> None:
    others = {*KEPT_IN_A_BATCH, *A_PERSONS, "raise_lease"}
    careless = []
    for name, text in [*vars(sql.load("runtime")).items(), *vars(sql.load("render")).items()]:
        bare = re.sub(r"--[^\n]*", "", text)
        writes = re.search(r"\b(insert into|update \{?\w+\}?\.|delete from|keep_months)", bare)
        if writes and name not in others and not re.search(r"from (\{schema\}|render)\.leader where lease = ", bare):
            careless.append(name)
    assert careless == []


async def test_statements_under_a_lease_that_is_over_change_nothing(dsn: str, admin: asyncpg.Connection) -> None:
    tenant = uuid4()
    async with leads(dsn, DOMAIN) as leader:
        assert leader._line
        await written(leader._line, tenant)
        await admin.execute("update file_mgr.effects set due_at = now()")
        await admin.execute("update file_mgr.timers set due_at = now(), set_aside = ''")
        await admin.execute("update file_mgr.inbox set decided_at = now() - interval '31 days'")
        conn = await app_connection(dsn, DOMAIN)
        store = Store(conn, DOMAIN)
        effect = await admin.fetchval("select id from file_mgr.effects")
        timer = list(await admin.fetchrow("select tenant_id, name, set_by, due_at from file_mgr.timers"))
        claim, as_it_is = uuid4(), (None, None, False, None, True, None, 0, 0, 0, None)
        now, over = datetime.now(UTC), ("decided_at", "state in ('done', 'refused')")
        sweep = store.q.sweep.replace("{table}", "inbox").replace("{column}", over[0]).replace("{goes}", over[1])

        async def all_of_them(lease: int) -> list[int]:
            """How many rows each statement finds; what it does is undone."""
            tried = (
                (store.q.take_over_effects, [], lease),
                (store.q.hold_effects, [tenant], [effect], [claim], 30.0, lease),
                (store.q.move_effects, *columns([(tenant, effect, claim, *as_it_is)], MOVE), lease),
                (store.q.drop_effects, [tenant], [effect], [claim], lease),
                (store.q.keep_chunk, tenant, effect, claim, "1", None, False, False, 30.0, lease),
                (store.q.hear_destination, tenant, "there", True, 5, 1.0, 0.0, claim, lease),
                (store.q.due_timers, now, 100, lease),
                (store.q.timers_published, *([value] for value in timer), now, lease, timedelta(minutes=1)),
                (store.q.set_timer_aside, *timer, "why", lease),
                (store.q.pass_over_timer, *timer, now, lease),
                (store.q.try_set_aside, "", lease),
                (sweep, now, 100, lease),
            )
            found = []
            for statement, *given in tried:
                transaction = conn.transaction()
                await transaction.start()
                await conn.execute("set local app.tenants = '*'")
                await conn.execute("update file_mgr.effects set claim = $1", claim)
                if statement == store.q.try_set_aside:
                    await conn.execute("update file_mgr.timers set set_aside = 'why'")
                found.append(int((await conn.execute(statement, *given)).rpartition(" ")[2]))
                await transaction.rollback()
            return found

        async def claims(lease: int) -> list[int]:
            """The same for what answers a row in any case."""
            found = []
            for state, statement, *given in (
                ("due", store.q.claim_effects, "prompt", UUID(int=0), "", 10, claim, lease, [], 30.0, 30.0, 10),
                ("done", store.q.claim_owing, claim, 10, [], 30.0, lease),
                ("handing", store.q.claim_open, claim, 10, [], 30.0, lease),
            ):
                await admin.execute("update file_mgr.effects set state = $1, owing = $1 = 'done', due_at = now()", state)
                async with store.transaction(None):
                    found.append(sum(row["id"] is not None for row in await conn.fetch(statement, *given)))
                await admin.execute("update file_mgr.effects set state = 'due', owing = false, due_at = now()")
            return found

        assert await all_of_them(leader.lease) == [1] * 12
        assert await all_of_them(leader.lease - 1) == await all_of_them(0) == [0] * 12
        assert await claims(leader.lease - 1) == await claims(0) == [0] * 3
        assert await claims(leader.lease) == [1, 1, 1]
        await conn.close()


async def test_a_services_session_is_bounded_and_both_of_its_ends_notice_that_the_other_is_gone(dsn: str) -> None:
    parts = urlsplit(dsn)
    settings = Settings(pg_dsn=f"postgresql://127.0.0.1:{parts.port}{parts.path}", pg_password=PASSWORD)  # type: ignore[arg-type]
    conn = await pg_connect(settings, f"{DOMAIN}_app")
    names = list(BOUNDS)
    shown = [await conn.fetchval("select current_setting($1)", name) for name in names]
    assert dict(zip(names, shown, strict=True)) == BOUNDS
    sock = conn._transport.get_extra_info("socket")
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    for name, value in CUTS.items():
        assert sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value
    await conn.close()


async def test_a_connection_that_ended_without_a_word_to_anybody_is_noticed(dsn: str) -> None:
    """As asyncpg leaves it when a process that was stopped goes on in the middle of a statement."""
    conn = await app_connection(dsn, DOMAIN)
    waiting = asyncio.create_task(until_lost(conn))
    await asyncio.sleep(0)
    conn._termination_listeners.clear()
    conn.terminate()
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(waiting, 20)
