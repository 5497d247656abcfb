"""The scheduler: gives waiting work to free slots, ends leases that nobody serves, plans jobs once a node is there."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from consumers.render.jobs.tables import JOBS
from consumers.render.nodes.fault_attribution import SET_ASIDE, message_of
from consumers.render.scheduling.farm import Choice, Farm, NodeState, PartState
from consumers.render.scheduling.farm.apply_events import apply
from consumers.runtime.domain import Context
from consumers.runtime.folding import Folded
from consumers.runtime.item import Item
from consumers.runtime.runtime import Runtime
from consumers.runtime.state import Want
from consumers.runtime.tools import Publishes
from contracts.actors import SCHEDULER
from contracts.envelope import Envelope, first
from contracts.message import PLATFORM, Command
from contracts.node import Heartbeat, RegisterAgain, ReportSegment
from contracts.render.jobs import FailJob, PlanJob
from contracts.render.nodes import LoseNode, NodeSteered
from contracts.render.parts import AssignPart, ExpirePart, PartAssigned
from contracts.render.templates import TemplateSetAside

log = logging.getLogger(__name__)
LEASE = 6.0  # seconds of silence after which a node's leases end
GRACE = 3.0  # seconds that a node has to list a new part in its heartbeats
MISSES = 3  # heartbeats in a row that may leave a part out
WATCH = 0.5  # seconds between looks at what nodes serve
AGAIN = 1.0  # seconds until what was not decided is submitted once more
STRANDED = 5.0  # seconds between looks for jobs whose builds no node has
UNSETTLED = 5.0  # seconds after which an assignment that was never decided is given back


class Scheduler:
    """One for the cluster: it lives beside the active render runtime, whose lock it shares."""

    def __init__(self, runtime: Runtime, publisher: Publishes, load: Callable[[float], Any]) -> None:
        self.runtime, self._publisher, self._load = runtime, publisher, load
        self.farm = Farm()
        self._choices: dict[UUID, Choice] = {}  # part to what was chosen, until it is decided
        self._wake = asyncio.Event()
        self._asked_again: dict[UUID, float] = {}
        self._dropped: dict[Command, Envelope] = {}  # what is submitted once more, each once
        runtime.prepare.append(self.rebuild)
        runtime.observers.append(self.observe)
        runtime.on_folded = self.learn
        runtime.foresees = self.foresee
        runtime.settler.on_put_off = self.put_off

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Assign and watch while the runtime is active; each waits for that by itself, as one may sleep through a short break."""
        await asyncio.gather(self._assign_loop(), self._watch_loop())

    async def rebuild(self) -> None:
        """Make the picture anew whenever the runtime becomes active: before its first batch, so that none is missed or counted twice."""
        self.farm = await self._load(self.now())
        self._choices.clear()
        self._dropped.clear()

    def observe(self, items: list[Item]) -> None:
        """Follow what the runtime has committed."""
        now = self.now()
        for item in items:
            for envelope, event, _, _ in item.events:
                if isinstance(event, PartAssigned):
                    self._choices.pop(event.part_id, None)
                apply(self.farm, event, envelope, now)
                if isinstance(event, NodeSteered) and event.force:
                    self._empty(event.node_id, event.reason)
                elif isinstance(event, TemplateSetAside):
                    self._fail_all(event, envelope.tenant)
            if isinstance(item.command, AssignPart) and not item.events:
                self._revert(_part_of(item.envelope))
        self._wake.set()

    def learn(self, folded: Sequence[Folded]) -> None:
        """Follow what the runtime has learned of others."""
        for one in folded:
            apply(self.farm, one.event, one.envelope, self.now())

    def put_off(self, item: Item) -> None:
        """A command was not decided, for its type is parked: work is chosen anew, and what nobody would say again is said again."""
        if isinstance(item.command, AssignPart):
            self._revert(_part_of(item.envelope))
        elif item.command is not None and not isinstance(item.command, LoseNode):
            if not self._dropped:
                asyncio.get_running_loop().call_later(AGAIN, self._submit_again)
            self._dropped[item.command] = item.envelope

    def _submit_again(self) -> None:
        dropped, self._dropped = self._dropped, {}
        for command, envelope in dropped.items():
            self.runtime.submit(command, envelope)

    def foresee(self, item: Item) -> tuple[Want, ...]:
        """A report's job, which its decider learns of only from the rows it asks for first: a round of loading less."""
        part = self.farm.parts.get(item.command.part_id) if isinstance(item.command, ReportSegment) else None
        if part is None or part.tenant != item.envelope.tenant:
            return ()
        return ((JOBS, JOBS.key, (part.tenant, part.subject)),)

    async def _assign_loop(self) -> None:
        while True:
            await self.runtime.active.wait()
            self._plan_waiting()
            now = self.now()
            due = self.farm.bring_back(now)
            for node, choice in self.farm.choices():
                self._assign(node, choice, now)
            self._wake.clear()
            await self._wait(1.0 if due is None else min(1.0, max(0.01, due - self.now())))

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _plan_waiting(self) -> None:
        if self.farm.nodes:
            for tenant, job in list(self.farm.unplanned):
                del self.farm.unplanned[tenant, job]
                self._submit(PlanJob(job_id=job), tenant, job)

    def _assign(self, node: NodeState, choice: Choice, now: float) -> None:
        command = AssignPart(
            kind=choice.kind,
            subject_id=choice.subject,
            node_id=node.node_id,
            node_epoch=node.epoch,
            first=choice.first,
            count=choice.count,
            keys=choice.keys,
            places=choice.places,
        )
        part_id = _part_of(self._submit(command, choice.tenant, choice.subject))
        part = PartState(part_id, choice.tenant, node.node_id, node.epoch, choice.kind, choice.subject, choice.keys, now)
        part.expected = choice.expected
        self._choices[part_id] = choice
        self.farm.occupy(part)

    def _revert(self, part_id: UUID) -> None:
        choice, part = self._choices.pop(part_id, None), self.farm.vacate(part_id)
        if choice is None or part is None:
            return
        self.farm.tenants.charge(part.tenant, -part.expected)
        asyncio.get_running_loop().call_later(0.2, self._offer_again, choice, self.farm)

    def _offer_again(self, choice: Choice, farm: Farm) -> None:
        if farm is self.farm:  # one made anew since knows by itself what waits
            farm.give_back(choice)
            self._wake.set()

    def _submit(self, command: Command, tenant: UUID, subject: UUID | None = None) -> Envelope:
        """Have a command decided; one about a job carries the correlation of its request, and the job's coming as its cause."""
        envelope = first(command, tenant=tenant, actor=SCHEDULER)
        job = self.farm.jobs.get((tenant, subject)) if subject else None
        if job is not None and job.correlation is not None:
            envelope = replace(envelope, correlation=job.correlation, causation=job.cause or envelope.id)
        self.runtime.submit(command, envelope)
        return envelope

    def _empty(self, node_id: UUID, reason: str) -> None:
        """What a node holds goes elsewhere at once."""
        why = f"the node was emptied by force: {reason}" if reason else "the node was emptied by force"
        for part in list(self.farm.parts.values()):
            if part.node_id == node_id and part.confirmed:
                self._submit(ExpirePart(part_id=part.part_id, reason=why), part.tenant, part.subject)

    def _fail_all(self, event: TemplateSetAside, tenant: UUID) -> None:
        """End every open job that draws a template which was set aside."""
        for ref, job in list(self.farm.jobs.items()):
            if ref[0] == tenant and event.template in job.bundles:
                self._submit(FailJob(job_id=ref[1], code=SET_ASIDE, detail=message_of(event.template, event.reason)), tenant, ref[1])

    async def heard(self, node_id: UUID, beat: Heartbeat) -> None:
        """A node lives, and works on these parts; one that is not known is asked to register."""
        node = self.farm.nodes.get(node_id)
        if node is not None:
            node.heard, node.reported = self.now(), frozenset(beat.parts)
            self._count_misses(node)
        elif self.runtime.active.is_set() and self.now() - self._asked_again.get(node_id, -10.0) > 3.0:
            self._asked_again[node_id] = self.now()
            work = RegisterAgain(reason="the farm does not know this node")
            await self._publisher.publish(work, first(work), scope=node_id)

    def _count_misses(self, node: NodeState) -> None:
        for part_id in (*node.busy, *node.short):
            part = self.farm.parts.get(part_id)
            if part is not None and part.confirmed and self.now() - part.since > GRACE:
                part.missed = 0 if part_id in node.reported else part.missed + 1

    async def _watch_loop(self) -> None:
        looked = self.now()
        while True:
            await asyncio.sleep(WATCH)
            await self.runtime.active.wait()
            if self.now() - looked > STRANDED:
                looked = self.now()
                for tenant, job in self.farm.stranded():
                    self._submit(PlanJob(job_id=job), tenant, job)
            for node in list(self.farm.nodes.values()):
                if self.now() - node.heard > LEASE:
                    log.warning("node %s was silent for %.0f s", node.name, self.now() - node.heard)
                    node.heard = self.now()
                    self._submit(LoseNode(node_id=node.node_id, epoch=node.epoch, last_heard=datetime.now(UTC)), PLATFORM)
            for part in self._unserved():
                self._submit(ExpirePart(part_id=part.part_id, reason=self._why(part)), part.tenant, part.subject)

    def _unserved(self) -> Iterable[PartState]:
        for part in list(self.farm.parts.values()):
            node = self.farm.nodes.get(part.node_id)
            if not part.confirmed:
                if self.now() - part.since > UNSETTLED:
                    self._revert(part.part_id)
            elif node is None or node.epoch != part.node_epoch or part.missed >= MISSES:
                part.missed = 0
                yield part

    def _why(self, part: PartState) -> str:
        node = self.farm.nodes.get(part.node_id)
        if node is None:
            return "its node is gone"
        return "its node has registered anew" if node.epoch != part.node_epoch else "its node does not work on it"


def _part_of(envelope: Envelope) -> UUID:
    """The id that the part of an assignment will have."""
    return Context.of("render", envelope, envelope.time, foreseen=True).id("part")
