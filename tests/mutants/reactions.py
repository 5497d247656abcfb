"""The promises of reactions and folds as checks (I1, I5), and the small wrong changes that must turn them red."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

from msgspec.structs import replace

from consumers.runtime import batch, catching_up, reaction_cursors
from consumers.runtime.batch import Batch
from consumers.runtime.catching_up import CatchingUp
from consumers.runtime.decoding import Happened
from consumers.runtime.domain import Domain
from consumers.runtime.faults import DomainWaits
from consumers.runtime.folding import NotMoved
from consumers.runtime.history import Page
from consumers.runtime.listening import Listening
from consumers.runtime.reaction_cursors import Group
from consumers.runtime.reactions import CURSOR, Ears, Fold
from consumers.runtime.settling import Settler
from contracts.envelope import first
from contracts.file_mgr.files import FileReady
from contracts.identity.tenants import ChangeTenantLimits
from contracts.message import Event, encode, type_of
from contracts.render.shares import LearnShare, ShareLearned
from contracts.runs import Recorded
from deploy import replay
from tests.mutants.checks import hold
from tests.stream.reacting import ACTING, COUNTING, INSERT, SLOTS, counted, domain
from tests.support.in_process import InProcessDomains, item_of


class Past:
    """The log's table as history."""

    def __init__(self, in_process: InProcessDomains) -> None:
        self._house = in_process

    async def head(self) -> int:
        """The published position."""
        return int(await self._house.admin.fetchval("select published from log.head"))

    async def read(self, after: int, until: int, types: Sequence[str], *, most: int = 2000) -> Page:
        """As History."""
        question = (
            f"select {', '.join(Recorded.__struct_fields__)} from log.events where position > $1 and position <= $2 order by 1 limit $3"
        )
        rows = [Recorded(*row) for row in await self._house.admin.fetch(question, after, until, most)]
        return Page([row for row in rows if row.type in types], rows[-1].position if len(rows) == most else until)


async def told(in_process: InProcessDomains, events: Sequence[Event], tenant: UUID | None = None) -> list[Happened]:
    """Have these in the log, published."""
    happened = []
    for event in events:
        envelope = first(event, tenant=tenant or uuid4())
        values = (envelope.id, envelope.type, envelope.tenant, envelope.time, encode(event).decode())
        await in_process.admin.execute(INSERT.format(domain=type_of(event).domain), *values)
        happened.append(Happened(await in_process.sequence(), envelope, encode(event)))
    return happened


def settler(small: Domain) -> Settler:
    """A settler that tells nobody."""

    async def nobody(one: Batch) -> None: ...

    return Settler(small, nobody, lambda: None)


async def nothing_is_folded_twice(in_process: InProcessDomains) -> None:
    """Whoever reads an event again does not learn it again."""
    small = domain(COUNTING)
    store = in_process.stores["render"]
    await store.conn.execute(store.q.begin_cursors, [CURSOR + "counting"], [0], [0], [0], [True])
    [one] = await told(in_process, [counted()])
    for _ in range(2):
        with suppress(NotMoved):
            await Batch(small, store, [], {CURSOR + "counting": one.position}, in_process.taken(small, [one]).folded).commit()
    slots = await in_process.admin.fetchval(SLOTS)
    hold(slots == 1, f"an event was learned {slots} times")


async def a_fold_that_fails_is_not_passed(in_process: InProcessDomains) -> None:
    """It stays before the event that it cannot learn, with its cursor, while what is before that is learned."""
    small = domain(COUNTING)
    store, settling = in_process.stores["render"], settler(small)
    await store.conn.execute(store.q.begin_cursors, [CURSOR + "counting"], [0], [0], [0], [True])
    happened = await told(in_process, [counted(), counted(0), counted()])
    settling.begin({"counting": 0})
    await settling.settle(store, [], {"counting": happened[-1].position}, in_process.taken(small, happened).folded)
    place = await in_process.admin.fetchval("select position from render.cursors where name = 'reaction.counting'")
    slots = await in_process.admin.fetchval(SLOTS)
    hold((place, slots) == (happened[0].position, 1), f"the cursor is at {place}, {slots} events are learned; the second cannot be")


async def what_follows_a_fold_does_not_overtake_it(in_process: InProcessDomains) -> None:
    """A project that is made by the copy as it stands would wait for ever, were its file's end passed over already."""
    tenant, small = await in_process.tenant(), in_process.domains["content"]
    sizes = {"bytes": 1, "width": 1, "height": 1, "duration": 0.0}
    [one] = await told(in_process, [FileReady(file_id=uuid4(), kind="template", sha256="s", scan_key="k", **sizes)], tenant)
    settling, taken = settler(small), in_process.taken(small, [one])
    settling.begin({reaction.name: 0 for reaction in small.reacts})
    await in_process.admin.execute("alter table content.template_bundles add constraint none check (false)")
    await settling.settle(in_process.stores["content"], taken.items, dict.fromkeys(settling.kept, one.position), taken.folded)
    stood = {row["name"]: row["position"] for row in await in_process.admin.fetch("select name, position from content.cursors")}
    hold(stood[CURSOR + "waiting_projects"] < one.position, f"the reaction passed what the copy does not hold: {stood}")


async def listening(in_process: InProcessDomains, small: Domain, stand: dict[str, tuple[int, int]]) -> Listening:
    """A domain's ear whose reactions stand there: position and goal."""
    store = in_process.stores["render"]
    names, positions, goals = [CURSOR + name for name in stand], [at for at, _ in stand.values()], [goal for _, goal in stand.values()]
    learns = [isinstance(one, Fold) for name in stand for one in small.reacts if one.name == name]
    await store.conn.execute(store.q.begin_cursors, names, positions, [0] * len(names), goals, learns)

    async def no_feed(cursor: int) -> Any:
        raise AssertionError("nothing is read live")

    one = Listening(small, Past(in_process), no_feed, settler(small), asyncio.Event())  # type: ignore[arg-type]
    await one.begin(store)
    return one


async def commands_wait_for_what_is_learned(in_process: InProcessDomains) -> None:
    """While a copy is not filled, its domain takes no commands."""
    happened = await told(in_process, [counted() for _ in range(5)])
    one = await listening(in_process, domain(COUNTING), {"counting": (0, happened[-1].position)})
    hold(not one.learned.is_set(), "commands are taken though nothing is learned yet")
    for _ in range(5):
        await one.catch_up(in_process.stores["render"])
    hold(one.learned.is_set() and await in_process.admin.fetchval(SLOTS) == 5, "all is learned, and commands are not taken")


async def what_was_missed_is_learned_before_the_feed_is_followed(in_process: InProcessDomains) -> None:
    """Who is behind joins the others where they stand, and not before."""
    happened = await told(in_process, [counted() for _ in range(20)])
    with patch.object(catching_up, "PAGE", 6):
        one = await listening(in_process, domain(COUNTING, ACTING), {"counting": (0, 0), "acting": (happened[-1].position, 0)})
        for _ in range(10):
            await one.catch_up(in_process.stores["render"])
    slots = await in_process.admin.fetchval(SLOTS)
    hold(one.is_live and slots == 20, f"of 20 events that were missed {slots} are learned")


async def what_an_earlier_release_had_queued_writes_over_nothing(in_process: InProcessDomains) -> None:
    """The copy is newer than what waits in a queue or in quarantine."""
    tenant = await in_process.tenant()
    await in_process.send(ChangeTenantLimits(max_slots=9), tenant)
    await in_process.react()
    await in_process.decide("render", [item_of(LearnShare(render_weight=1, max_slots=2), tenant)])
    slots = await in_process.admin.fetchval("select max_slots from render.tenant_shares where tenant_id = $1", tenant)
    hold(slots == 9, f"the tenant has {slots} slots, not the 9 that were said last")


async def a_name_stays_what_it_was(in_process: InProcessDomains) -> None:
    """A fold that has the name of a reaction learns nothing of what that had passed, so it does not begin."""
    happened = await told(in_process, [counted() for _ in range(5)])
    await listening(in_process, domain(replace(ACTING, name="counting")), {"counting": (happened[-1].position, 0)})
    begun = False
    with suppress(DomainWaits):
        await listening(in_process, domain(COUNTING), {})
        begun = True
    hold(not begun, "a fold begins where a reaction of its name stood")


async def a_copy_is_replayed_as_far_as_it_goes(in_process: InProcessDomains) -> None:
    """What no fold has come to is in no live copy, and so in no replayed one."""
    tenant = await in_process.tenant()
    await in_process.react()
    await in_process.send(ChangeTenantLimits(max_slots=9), tenant)
    await in_process.sequence()
    report = await replay.verify(in_process.dsn)
    hold(report.equal, f"live and replayed copies differ: {report.differences}")


def folds_forget_their_cursor(in_process: InProcessDomains) -> Any:
    """What is folded need not move the cursor."""
    return patch.object(batch, "require_moved", lambda folded, moved: None)


def a_failing_fold_is_forgotten(in_process: InProcessDomains) -> Any:
    """Nobody remembers where a fold failed."""
    return patch.object(Settler, "stick", lambda self, fold, at, error: None)


def folds_have_no_followers(in_process: InProcessDomains) -> Any:
    """A fold stays alone."""
    return patch.object(Ears, "with_followers", lambda self, fold: {fold})


def nothing_is_waited_for(in_process: InProcessDomains) -> Any:
    """A domain takes commands from its first moment on."""
    return patch.object(Listening, "_learning", lambda self: set())


def whoever_is_behind_joins_at_once(in_process: InProcessDomains) -> Any:
    """The rest of the past is left out."""

    def joins(self: CatchingUp, group: Group, live: Group | None) -> bool:
        if live is not None:
            live.names |= group.names
            self.groups.remove(group)
        return True

    def reads(self: CatchingUp, store: Any, group: Group, live: Group | None) -> Any:
        async def at_once() -> bool:
            return True

        return at_once()

    return patch.multiple(CatchingUp, _joins=joins, _read=reads)


def the_last_word_counts(in_process: InProcessDomains) -> Any:
    """A share is what is asked last, however old that is."""

    def learn(cmd: LearnShare, view: Any, ctx: Any) -> Any:
        return [ShareLearned(render_weight=cmd.render_weight, max_slots=cmd.max_slots)]

    return patch.dict(in_process.domains["render"].decides, {LearnShare: learn})


def kinds_are_not_compared(in_process: InProcessDomains) -> Any:
    """A cursor is anybody's who has its name."""
    return patch.object(reaction_cursors, "_require_kinds", lambda domain, rows: None)


def replay_folds_everything(in_process: InProcessDomains) -> Any:
    """Replay does not ask how far live folds have come."""
    known = replay.spans

    async def all_of_it(live: Any, domains: Any) -> Any:
        return dict.fromkeys(await known(live, domains), (0, 2**62))

    return patch.object(replay, "spans", all_of_it)
