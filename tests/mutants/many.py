"""What many tenants at once are promised, as checks; and small wrong changes of the product that break it."""

import asyncio
from collections.abc import Callable
from heapq import heappush
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import msgspec

from api_edge.capacity.limits import Limits
from api_edge.capacity.queues import Queues
from api_edge.errors import Refused
from api_edge.http import connections
from api_edge.http.connections import Connections
from consumers.identity import DOMAIN as IDENTITY
from consumers.runtime import intake
from consumers.runtime.domain import Answer, Refusal
from consumers.runtime.intake import Intake, Source
from consumers.runtime.item import Item
from consumers.runtime.lanes import Lanes
from consumers.studio import copies, renders
from contracts.envelope import first
from contracts.identity.reservations import ReservationAnswer, Reserve, Reserved
from contracts.identity.tenants import CreateTenant
from contracts.message import PLATFORM
from contracts.queue import Undecided
from contracts.render.jobs import JobCancelled
from contracts.studio.renders import RequestRender
from tests.mutants.checks import Wire, hold
from tests.support.domain_harness import DomainHarness
from tests.support.plain import BODY, answered, connected, request, served
from tests.unit.domains.studio.test_renders_and_saved_projects import PROJECT, learned

Mutation = Callable[[], Any]
MANY, FEW = uuid4(), uuid4()


def _message(wire: Wire, tenant: UUID, sequence: int) -> Any:
    reply = f"$JS.ACK.CMD_IDENTITY.identity.1.{sequence}.{sequence}.1.0"
    return SimpleNamespace(_client=wire, subject=f"cmd.{tenant}.identity.tenant.create.v1", reply=reply, data=b"{}")


def _taking_in() -> tuple[Intake, Source, Wire]:
    def read(msg: Any) -> Item:
        command = CreateTenant(name="a")
        return Item(envelope=first(command, tenant=UUID(msg.subject.split(".")[1])), command=command, raw=msg)

    one = Intake([SimpleNamespace(floor=0)], read, lambda item: 1, asyncio.Event(), lambda: True)  # type: ignore[list-item]
    return one, one.sources[0], Wire()


async def one_command_is_not_behind_anothers_thousands() -> None:
    """Of two tenants that wait, both are in the next batch, even if both have much."""
    one, source, wire = _taking_in()
    source.hold([_message(wire, MANY, number) for number in range(1, 3000)])
    source.hold([_message(wire, FEW, 3000 + number) for number in range(2 * intake.SHARED)])
    hold(FEW in {item.envelope.tenant for item in one.take(500)}, "it waits behind the other's")


async def what_is_more_than_a_share_stays_in_the_stream() -> None:
    """What a domain holds is bounded, and the rest is given back, with a delay."""
    _, source, wire = _taking_in()
    said: list[bytes] = []
    wire.send_now = lambda messages: said.extend(body for _, body, _, _ in messages)  # type: ignore[method-assign]
    source.hold([_message(wire, MANY, number) for number in range(1, intake.WINDOW + 101)])
    hold(source.lanes.size <= intake.WINDOW, f"{source.lanes.size} are held")
    hold(len(said) == 100 and all(b"delay" in body for body in said), "the rest was not given back")


async def what_is_set_aside_is_undecided() -> None:
    """The edges hear of all that a tenant has in the queue, wherever it lies, until it is acknowledged."""
    one, source, wire = _taking_in()
    source.hold([_message(wire, MANY, number) for number in range(1, intake.WINDOW + 101)])
    hold(source.told().tenants == {str(MANY): intake.WINDOW + 100}, f"the edges hear {source.told().tenants}")
    one.done([item.raw for item in one.take(100)])
    hold(source.told().tenants == {str(MANY): intake.WINDOW}, "what was acknowledged is counted")


async def what_never_comes_back_fills_no_queue() -> None:
    """What the broker knows to be over, as a leader before has acknowledged it, counts no more."""
    _, source, wire = _taking_in()
    source.hold([_message(wire, MANY, number) for number in range(1, intake.WINDOW + 101)])
    source.consumer.floor = intake.WINDOW + 100
    source.tidy(0, 1.0)
    hold(not source.told().tenants, f"the edges hear {source.told().tenants}")


async def long_commands_count_as_several() -> None:
    """Of what takes more room fewer are let through, so that all of them are held in their order."""
    _, source, wire = _taking_in()
    messages = [_message(wire, MANY, number) for number in range(1, 601)]
    for message in messages:
        message.data = b" " * 60_000
    source.hold(messages)
    hold(source.told().tenants[str(MANY)] >= source.told().most, "the edges let through what is set aside")


async def what_is_held_is_told_as_in_progress() -> None:
    """JetStream hears of what waits here and of what is being decided."""
    one, source, wire = _taking_in()
    said: list[tuple[str, bytes]] = []
    wire.send_now = lambda messages: said.extend((subject, body) for subject, body, _, _ in messages)  # type: ignore[method-assign]
    source.hold([_message(wire, MANY, 1), _message(wire, FEW, 2)])
    one.take(1)
    with patch.object(intake, "TELL", 0.02):
        watching = asyncio.create_task(one.watch())
        await asyncio.sleep(0.3)
        watching.cancel()
    hold({subject.split(".")[5] for subject, body in said if body == b"+WPI"} == {"1", "2"}, f"it heard {said[:3]}")


async def who_may_lead_no_more_holds_nothing() -> None:
    """What was taken in is given back while another process may decide it."""
    one, source, wire = _taking_in()
    said: list[bytes] = []
    wire.send_now = lambda messages: said.extend(body for _, body, _, _ in messages)  # type: ignore[method-assign]
    source.hold([_message(wire, MANY, 1), _message(wire, FEW, 2)])
    one._sure = lambda: False
    with patch.object(intake, "TELL", 0.02):
        watching = asyncio.create_task(one.watch())
        try:
            async with asyncio.timeout(2):
                while source.lanes:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            hold(False, "it holds what another may decide")
        finally:
            watching.cancel()
    hold(len(said) == 2 and all(body.startswith(b"-NAK") for body in said), f"the broker heard {said}")


async def a_full_queue_refuses_what_is_new() -> None:
    """By what the domain counts and by what this edge has sent since."""
    queues = Queues()
    await queues.hear(_said(10, {str(MANY): 8}))
    sent = _let_through(queues, MANY)
    hold(sent == 2, f"{sent} were let through where 2 were left")
    sent = _let_through(queues, FEW)
    hold(sent == 10, f"{sent} of another tenant were let through")


def _said(most: int, tenants: dict[str, int]) -> Any:
    said = Undecided(most=most, per_second=1.0, tenants=tenants)
    return SimpleNamespace(subject="queues.studio", data=msgspec.json.encode(said))


def _let_through(queues: Queues, tenant: UUID) -> int:
    for count in range(100):
        try:
            queues.take("studio", tenant)
        except Refused:
            return count
    return 100


async def edges_share_a_tenants_limit() -> None:
    """What one edge lets through is missing at the other."""
    here, there = Limits(), Limits()
    here.take(MANY, 10, 1.0)
    for _ in range(19):
        there.take(MANY, 10, 1.0)
    here.hear("there", *there.told(), 1.0)
    try:
        here.take(MANY, 10, 1.0)
    except Refused:
        return
    hold(False, "two edges let twice as much through")


async def what_is_reserved_is_one_tenants() -> None:
    """Whoever comes second is refused."""
    harness = DomainHarness(IDENTITY, PLATFORM)
    harness.do(Reserve(kind="address", mark="a", holder=MANY))
    hold(isinstance(harness.do(Reserve(kind="address", mark="a", holder=FEW)), Refusal), "two have it")
    elsewhere = DomainHarness(IDENTITY, FEW).do(Reserve(kind="address", mark="b", holder=FEW))
    hold(isinstance(elsewhere, Refusal), "a tenant decided by itself")


async def renders_that_have_not_ended_are_bounded() -> None:
    """With as many as there may be, one more is refused until one ends."""
    harness = learned()
    with patch.object(renders, "MOST_PENDING", 2):
        asked = [harness.do(_render()) for _ in range(2)]
        for (event,) in asked:
            harness.hear(event)
        refused = harness.do(_render())
        hold(isinstance(refused, Refusal) and refused.problem.code == "limit.renders", "one more was taken")
        harness.hear(JobCancelled(job_id=asked[0][0].job_id, metadata={}))
        hold(not isinstance(harness.do(_render()), Refusal), "what has ended is counted")


def _render() -> RequestRender:
    return RequestRender(project_id=PROJECT)


async def half_a_head_does_not_keep_its_place() -> None:
    """Whoever begins a request and does not go on is sent away."""
    async with served() as (seen, port), connected(port) as (reader, writer):
        watching = asyncio.create_task(seen.connections.watch())
        writer.write(b"POST /hot HTTP/1.1\r\n")
        try:
            with patch.object(connections, "HEAD", 0.0):
                async with asyncio.timeout(3):
                    await reader.read()
        except TimeoutError:
            hold(False, "a head that does not come keeps its connection")
        finally:
            watching.cancel()


async def idle_connections_make_way() -> None:
    """One address has half of all at the most, and whoever comes last is answered."""
    async with served(most=4) as (seen, port), connected(port), connected(port):
        while len(seen.connections) < 2 or not all(one.is_idle for one in seen.connections._all):
            await asyncio.sleep(0)
        async with connected(port) as (reader, writer):
            writer.write(request())
            hold((await answered(reader))[1] == BODY, "whoever came last is not answered")
        hold(seen.connections.refused == 0 and len(seen.connections) <= 2, f"{len(seen.connections)} of one address are open")


def everybody_is_in_one_lane() -> Any:
    """Whose a message is makes no difference."""
    return patch.object(intake, "lane_of", lambda msg: "all")


def whoever_came_first_is_served() -> Any:
    """A lane's turn never ends."""
    return patch.object(Lanes, "_turn", _as_it_came)


def _as_it_came(self: Lanes, name: str, begins: float) -> None:
    numbers = self.__dict__.setdefault("numbers", {})
    heappush(self._turns, (0.0, numbers.setdefault(name, len(numbers)), name))


def all_is_held() -> Any:
    """There is no bound."""
    return patch.object(Source, "_share", lambda self, lane: 1 << 40)


def what_is_given_back_is_forgotten() -> Any:
    """Only what lies in a lane is told."""
    return patch.object(Source, "told", lambda self: Undecided(most=1, per_second=0.0, tenants=dict(self.lanes._sizes)))


def what_was_acknowledged_stays() -> Any:
    """Nobody says that something is done."""
    return patch.object(Source, "done", lambda self, held: None)


def the_brokers_floor_is_not_heard() -> Any:
    """Only what is decided here is done with."""
    return patch.object(Source, "_catch_up", lambda self: None)


def each_command_counts_as_one() -> Any:
    """However long it is."""

    def told(self: Source) -> Undecided:
        return Undecided(most=intake.WINDOW // 2, per_second=0.0, tenants={lane: len(left) for lane, left in self.undecided.items()})

    return patch.object(Source, "told", told)


def nothing_is_said_of_what_is_held() -> Any:
    """JetStream hears nothing."""
    return patch.object(intake, "in_progress", lambda messages: None)


def what_is_held_is_kept() -> Any:
    """Whoever has taken something in does not let go of it."""
    return patch.object(Intake, "_let_go", lambda self: None)


def only_lanes_are_told() -> Any:
    """What is being decided is forgotten."""
    return patch.object(Intake, "_take", _taken_and_forgotten)


def _taken_and_forgotten(self: Intake, at: int, most: int, items: list[Item], before: frozenset[str]) -> int:
    taken = self.sources[at].lanes.take(most, lambda held: 1)
    items += [self.sources[at].item_of(held) for held in taken]
    return len(taken)


def the_domain_alone_counts() -> Any:
    """An edge forgets what it has sent."""
    return patch.object(Queues, "take", _told_alone)


def _told_alone(self: Queues, domain: str, tenant: UUID) -> None:
    told = self._queue(domain).told
    if told is not None and told.tenants.get(str(tenant), 0) >= told.most:
        raise Refused("queue.full", "full")


def the_edge_alone_counts() -> Any:
    """What the domain counts is not heard."""
    decode = msgspec.json.Decoder(Undecided).decode
    return patch("api_edge.capacity.queues._undecided", lambda data: msgspec.structs.replace(decode(data), tenants={}))


def each_edge_for_itself() -> Any:
    """What others let through is not heard."""
    return patch.object(Limits, "hear", lambda self, *heard: None)


def who_asks_last_has_it() -> Any:
    """Nobody looks who has it already."""

    def given(cmd: Reserve, view: Any, ctx: Any) -> Answer[ReservationAnswer]:
        body = ReservationAnswer(kind=cmd.kind, mark=cmd.mark, holder=cmd.holder)
        return Answer([Reserved(kind=cmd.kind, mark=cmd.mark, holder=cmd.holder)], body)

    return patch.dict(IDENTITY.decides, {Reserve: given})


def nothing_ends() -> Any:
    """Only requests are counted."""
    return patch.object(copies, "RenderRequested", object)


def what_waits_is_not_counted() -> Any:
    """Requests are forgotten."""
    return patch.object(copies, "RenderRequested", type(None))


def nobody_notes_that_a_head_began() -> Any:
    """A connection may take as long as it likes."""
    return patch.object(Connections, "begun", lambda self, one: None)


def nobody_makes_way() -> Any:
    """As many come as like."""
    return patch.object(Connections, "_make_way", lambda self, newcomer, address: None)


RED = [
    (one_command_is_not_behind_anothers_thousands, everybody_is_in_one_lane),
    (one_command_is_not_behind_anothers_thousands, whoever_came_first_is_served),
    (what_is_more_than_a_share_stays_in_the_stream, all_is_held),
    (what_is_set_aside_is_undecided, what_is_given_back_is_forgotten),
    (what_is_set_aside_is_undecided, what_was_acknowledged_stays),
    (what_never_comes_back_fills_no_queue, the_brokers_floor_is_not_heard),
    (long_commands_count_as_several, each_command_counts_as_one),
    (what_is_held_is_told_as_in_progress, nothing_is_said_of_what_is_held),
    (what_is_held_is_told_as_in_progress, only_lanes_are_told),
    (who_may_lead_no_more_holds_nothing, what_is_held_is_kept),
    (a_full_queue_refuses_what_is_new, the_domain_alone_counts),
    (a_full_queue_refuses_what_is_new, the_edge_alone_counts),
    (edges_share_a_tenants_limit, each_edge_for_itself),
    (what_is_reserved_is_one_tenants, who_asks_last_has_it),
    (renders_that_have_not_ended_are_bounded, nothing_ends),
    (renders_that_have_not_ended_are_bounded, what_waits_is_not_counted),
    (half_a_head_does_not_keep_its_place, nobody_notes_that_a_head_began),
    (idle_connections_make_way, nobody_makes_way),
]
