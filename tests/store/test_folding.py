"""Folds over a real database: with the commands of their batch, beside commands that fail, and after an earlier release's commands."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from consumers.runtime.decoding import Happened, reactions, unreacted
from consumers.runtime.folding import NotMoved
from consumers.runtime.history import Page
from consumers.runtime.item import Item
from consumers.runtime.listening import Listening
from consumers.runtime.quarantine import NotRedriven, listing, redrive
from consumers.runtime.reaction_cursors import begin, standing
from consumers.runtime.reactions import Fold, Reaction, ears_of
from consumers.runtime.settling import Settler
from contracts.content.projects import CreateProject
from contracts.envelope import Envelope, first
from contracts.file_mgr.files import FileReady
from contracts.identity.tenants import ChangeTenantLimits
from contracts.message import Command, Event, encode, type_of
from contracts.runs import Recorded
from deploy.local.servers import Servers
from deploy.replay import verify
from tests.support.databases import migrated
from tests.support.in_process import InProcessDomains, item_of
from tests.support.sample_history import SampleHistory

READS = "select name, position from content.cursors where starts_with(name, 'reaction.')"
FORMERLY = "update studio.cursors set goal = null, position = $1, since = $1 where name = 'reaction.files'"


@pytest_asyncio.fixture(loop_scope="session")
async def in_process(servers: Servers) -> AsyncIterator[InProcessDomains]:
    """All domains over a database of the test's own."""
    async with migrated(servers.pg_admin_dsn) as dsn, InProcessDomains(dsn) as running:
        yield running


class Past:
    """The log's table as history."""

    def __init__(self, in_process: InProcessDomains) -> None:
        self.in_process = in_process

    async def head(self) -> int:
        return int(await self.in_process.admin.fetchval("select published from log.head"))

    async def read(self, after: int, until: int, types: Sequence[str], *, most: int = 2000) -> Page:
        columns = ", ".join(Recorded.__struct_fields__)
        question = f"select {columns} from log.events where position > $1 and position <= $2 and type = any ($3) order by position"
        return Page([Recorded(*row) for row in await self.in_process.admin.fetch(question, after, until, list(types))], until)


def ready(file_id: UUID | None = None) -> FileReady:
    sizes = {"bytes": 1, "width": 1, "height": 1, "duration": 0.0}
    return FileReady(file_id=file_id or uuid4(), kind="template", sha256="s", scan_key="k", **sizes)


async def happen(in_process: InProcessDomains, tenant: UUID, events: Sequence[Event]) -> list[Happened]:
    """Have them in the log, published, as file_mgr's."""
    told = []
    for event in events:
        envelope = first(event, tenant=tenant)
        values = (envelope.id, envelope.type, tenant, envelope.time, encode(event).decode())
        await in_process.admin.execute(
            "insert into file_mgr.outbox (event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version,"
            " traceparent, body) values ($1, $2, $3, $4, 'key:1', $1, $1, 'a/1', 1, '', $5)",
            *values,
        )
        told.append(Happened(await in_process.sequence(), envelope, encode(event)))
    return told


async def unequal(in_process: InProcessDomains) -> set[str]:
    """The copies that a replay fills otherwise; file_mgr has no rows for what these tests have it say."""
    report = await verify(in_process.dsn)
    return {table.table for table in report.tables if not table.equal}


def settler_of(in_process: InProcessDomains, domain: str) -> Settler:
    async def nobody(batch: Any) -> None: ...

    settler = Settler(in_process.domains[domain], nobody, lambda: None)
    settler.begin({one.name: 0 for one in in_process.domains[domain].reacts})
    return settler


async def test_a_command_sees_what_is_folded_in_its_own_batch(in_process: InProcessDomains) -> None:
    tenant = await in_process.tenant()
    event = ready()
    told = await happen(in_process, tenant, [event])
    create = item_of(CreateProject(name="n", file_id=event.file_id), tenant)
    await in_process.decide("content", [create], told[0].position, in_process.taken(in_process.domains["content"], told).folded)
    assert create.outcome and create.outcome.state == "done"
    assert await in_process.admin.fetchval("select state from content.projects where tenant_id = $1", tenant) == "importing"
    assert await unequal(in_process) == set()


async def test_nothing_is_folded_without_its_cursor(in_process: InProcessDomains) -> None:
    tenant = await in_process.tenant()
    told = await happen(in_process, tenant, [ready()])
    folded = in_process.taken(in_process.domains["studio"], told).folded
    for cursor in (0, told[0].position - 1):
        with pytest.raises(NotMoved):
            await in_process.decide("studio", [], cursor, folded)
    assert await in_process.admin.fetchval("select count(*) from studio.known_files") == 0
    await in_process.decide("studio", [], told[0].position, folded)
    with pytest.raises(NotMoved):
        await in_process.decide("studio", [], told[0].position, folded)
    assert await in_process.admin.fetchval("select count(*) from studio.known_files") == 1


async def test_a_poisoned_command_costs_no_fold_and_a_fold_that_fails_costs_no_command(in_process: InProcessDomains) -> None:
    tenant = await in_process.tenant()
    told = await happen(in_process, tenant, [ready() for _ in range(9)])
    taken, settler = in_process.taken(in_process.domains["content"], told), settler_of(in_process, "content")
    settler.kept = {one.name: told[0].position - 1 for one in in_process.domains["content"].reacts}
    poisoned = item_of(CreateProject(name="\0", file_id=uuid4()), tenant)
    bad = told[5].position
    refused = f"file_id <> '{_file(told[5])}'"
    await in_process.admin.execute(f"alter table content.template_bundles add constraint no_sixth check ({refused})")
    cursors = dict.fromkeys(settler.kept, told[-1].position)
    await settler.settle(in_process.stores["content"], [*taken.items, poisoned], cursors, taken.folded)
    assert poisoned.outcome and poisoned.outcome.state in ("refused", "quarantined")
    assert await in_process.admin.fetchval("select count(*) from content.template_bundles") == 5
    assert settler.kept["bundles"] == bad - 1 and settler.stuck["bundles"].at == bad - 1
    assert settler.stuck["waiting_projects"].at == bad - 1, "what follows a fold does not overtake it"
    assert await in_process.admin.fetchval("select count(*) from content.inbox where type like '%continue%'") == 5


def _file(one: Happened) -> UUID:
    event = one.decoded()
    assert isinstance(event, FileReady)
    return event.file_id


async def test_a_fold_begins_behind_what_an_earlier_release_had_learned_by_commands(in_process: InProcessDomains) -> None:
    """Its cursor had stayed before a reaction that was held, while later files were learned: those are of its own events."""
    tenant = await in_process.tenant()
    told = await happen(in_process, tenant, [ready() for _ in range(5)])
    domain = in_process.domains["studio"]
    (files,) = [one for one in domain.reacts if one.name == "files"]
    assert isinstance(files, Fold) and files.formerly is not None
    before = Reaction(name="files", on=files.on, make=files.formerly, history="act", unnamed=True)
    items = [item for one in told[:3] for item in reactions(before, one, former=one.position)]
    await in_process.decide("studio", items)
    await in_process.sequence()
    await in_process.admin.execute(FORMERLY, told[0].position - 1)
    places = await begin(in_process.stores["studio"], domain, Past(in_process), ears_of(domain.reacts))  # type: ignore[arg-type]
    assert places["files"].position == told[2].position and not places["files"].learns
    assert (await standing(in_process.admin, "studio"))["files"] == places["files"]
    await in_process.decide("studio", [], told[-1].position, in_process.taken(domain, told[3:]).folded)
    assert await in_process.admin.fetchval("select count(*) from studio.known_files") == 5
    late = reactions(before, told[4], former=told[4].position)
    await in_process.decide("studio", late)
    assert [item.events for item in late] == [[]], "what was queued is known by now"
    await in_process.sequence()
    assert await unequal(in_process) == set()


async def test_what_a_reaction_could_not_make_is_redriven_for_that_reaction_alone(in_process: InProcessDomains) -> None:
    tenant = await in_process.tenant()
    domain = in_process.domains["content"]
    (told,) = await happen(in_process, tenant, [ready()])
    (waiting,) = [one for one in domain.reacts if isinstance(one, Reaction)]
    broken = unreacted(domain, waiting, told, TypeError("a bug"))
    await in_process.decide("content", [broken])
    conn = in_process.stores["content"].conn
    (found,) = await listing(conn, "content")
    assert (found.reaction, found.position) == ("waiting_projects", told.position)
    published: list[tuple[Command, Envelope]] = []

    async def publish(command: Command, envelope: Envelope, *, scope: Any = None) -> int:
        published.append((command, envelope))
        return 1

    async def event_at(position: int) -> Happened:
        assert position == told.position
        return told

    await redrive(conn, domain, publish, tenant, broken.envelope.id, event_at)
    (item,) = reactions(waiting, told)
    assert published == [(item.command, item.envelope)]
    with pytest.raises(NotRedriven):
        await redrive(conn, domain, publish, tenant, broken.envelope.id, event_at)


async def test_an_earlier_releases_quarantine_is_redriven_as_it_was(in_process: InProcessDomains) -> None:
    """It named no reaction: what learned by commands then is asked so again."""
    tenant = await in_process.tenant()
    domain = in_process.domains["studio"]
    (told,) = await happen(in_process, tenant, [ready()])
    old = Item(envelope=told.envelope, command=None, body=encode(told.decoded()), position=told.position, unreadable="why")
    await in_process.decide("studio", [old])
    published: list[Command] = []

    async def publish(command: Command, envelope: Envelope, *, scope: Any = None) -> int:
        published.append(command)
        return 1

    async def event_at(position: int) -> Happened:
        return told

    await redrive(in_process.stores["studio"].conn, domain, publish, tenant, told.envelope.id, event_at)
    assert [type_of(command).name for command in published] == ["studio.file.learn"]


async def test_two_reactions_to_one_event_make_commands_of_two_ids(in_process: InProcessDomains) -> None:
    event = ready()
    domain = in_process.domains["content"]
    (waiting,) = [one for one in domain.reacts if isinstance(one, Reaction)]
    twice = (waiting, Reaction(name="again", on=waiting.on, make=waiting.make, history="act"))
    told = Happened(1, first(event), encode(event))
    ids = {item.envelope.id for one in twice for item in reactions(one, told)}
    assert len(ids) == 2
    with pytest.raises(ValueError, match="named waiting_projects"):
        ears_of((waiting, Reaction(name=waiting.name, on=waiting.on, make=waiting.make, history="act")))


async def test_a_history_is_replayed_to_the_same_copies_at_any_place_of_a_fold(in_process: InProcessDomains) -> None:
    await SampleHistory(in_process, tenants=1, jobs=1, seconds=2.0).tell()
    assert (await verify(in_process.dsn)).equal
    tenant = await in_process.tenant()
    await in_process.send(ChangeTenantLimits(max_slots=3), tenant)
    await in_process.sequence()
    assert (await verify(in_process.dsn)).equal, "what no fold has come to is not replayed into its copy"
    await in_process.react()
    await in_process.sequence()
    assert (await verify(in_process.dsn)).equal
    assert await in_process.admin.fetchval("select version from render.tenant_shares where tenant_id = $1", tenant) == 2


async def test_a_follower_that_was_further_behind_comes_as_far_as_its_fold_and_waits_there_with_it(in_process: InProcessDomains) -> None:
    """As after an upgrade: the fold has begun beyond the cursor that the reaction goes on from, and fails."""
    tenant = await in_process.tenant()
    told = await happen(in_process, tenant, [ready() for _ in range(6)])
    domain, store = in_process.domains["content"], in_process.stores["content"]
    await in_process.admin.execute("update content.cursors set position = $1", told[0].position - 1)
    await in_process.admin.execute("update content.cursors set position = $1 where name = 'reaction.bundles'", told[1].position)
    await in_process.admin.execute("alter table content.template_bundles add constraint none check (false)")
    settler = settler_of(in_process, "content")

    async def no_feed(cursor: int) -> Any:
        raise AssertionError("nothing is read live")

    listening = Listening(domain, Past(in_process), no_feed, settler, asyncio.Event())  # type: ignore[arg-type]
    await listening.begin(store)
    taken = in_process.taken(domain, told[2:])
    await settler.settle(store, taken.items, dict.fromkeys(listening._live.names, told[-1].position), taken.folded)  # type: ignore[union-attr]
    listening._live.cursor = told[-1].position  # type: ignore[union-attr]
    listening.settled()
    for _ in range(8):
        await listening.catch_up(store)
        for group in listening._behind.groups:
            group.not_before = 0.0
    places = {row["name"]: row["position"] for row in await in_process.admin.fetch(READS)}
    assert places == {"reaction.bundles": told[1].position, "reaction.waiting_projects": told[1].position}
    await in_process.admin.execute("alter table content.template_bundles drop constraint none")
    for _ in range(8):
        for group in listening._behind.groups:
            group.not_before = 0.0
        await listening.catch_up(store)
    assert listening.is_live and await in_process.admin.fetchval("select count(*) from content.template_bundles") == 4
    assert await in_process.admin.fetchval("select count(*) from content.inbox where type like '%continue%'") == 6
