"""The scheduler's picture: what goes to which slot, without a clock, a database or a broker."""

import heapq
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from consumers.render.scheduling.farm import Choice, Farm, JobState, NodeState, PartState
from consumers.render.scheduling.farm.farm import MOST_STRANDED
from contracts.render.nodes import Capabilities
from contracts.spec import Needs

BUILDS = ("engine", "encoder")


class Bench:
    """A farm with its scheduler's part played by hand, and a clock that jumps to the next end of a part."""

    def __init__(self, nodes: int = 1, slots: int = 1, **capabilities: object) -> None:
        self.farm, self.now = Farm(), 0.0
        self.ends: list[tuple[float, int, UUID, Choice]] = []
        self.seconds: dict[UUID, float] = {}  # of a segment, by job
        self.given: list[tuple[float, NodeState, Choice, float]] = []  # when, where, what, how long
        for number in range(nodes):
            self.node(f"n{number}", slots, **capabilities)

    def node(self, name: str = "n", slots: int = 1, builds: tuple[str, str] = BUILDS, **capabilities: object) -> NodeState:
        node = NodeState(uuid4(), name, 1, slots, builds, 0.0, Capabilities(**capabilities))  # type: ignore[arg-type]
        self.farm.add_node(node)
        return node

    def job(self, tenant: UUID, segments: int, seconds: float = 1.0, *, frames: int = 30, name: str = "", **more: object) -> JobState:
        job = self.farm.add_job((tenant, uuid4()), int(more.pop("priority", 50)))  # type: ignore[call-overload]
        for field, value in more.items():
            setattr(job, field, value)
        job.builds = job.builds or BUILDS
        job.speed, self.seconds[job.ref[1]] = seconds / frames, seconds
        for idx in range(segments):
            self.farm.add_segment(job.ref, idx, f"{name or job.ref[1]}/{idx}", frames)
        return job

    def assign(self) -> list[tuple[NodeState, Choice]]:
        """Fill every free slot."""
        filled = []
        for node, choice in self.farm.choices():
            part = PartState(
                uuid4(), choice.tenant, node.node_id, 1, choice.kind, choice.subject, choice.keys, self.now, True, 0, choice.expected
            )
            self.farm.occupy(part)
            lasts = self.seconds.get(choice.subject, 1.0) * max(1, len(choice.keys))
            heapq.heappush(self.ends, (self.now + lasts, len(self.given), part.part_id, choice))
            self.given.append((self.now, node, choice, lasts))
            filled.append((node, choice))
        return filled

    def end_next(self) -> None:
        """The next part to end is done."""
        self.now, _, part_id, choice = heapq.heappop(self.ends)
        for key in choice.keys:
            self.farm.segment_done(choice.tenant, key, self.seconds[choice.subject])
        self.farm.vacate(part_id, self.now)

    def run(self, until: float) -> None:
        """Go on until a moment, or until nothing is under way."""
        self.assign()
        while self.ends and self.ends[0][0] <= until:
            self.end_next()
            self.assign()

    def slot_seconds(self, until: float) -> Counter[UUID]:
        """What each tenant had up to a moment."""
        had: Counter[UUID] = Counter()
        for when, _, choice, lasts in self.given:
            had[choice.tenant] += max(0.0, min(until, when + lasts) - when)  # type: ignore[assignment]
        return had


def subjects(filled: list[tuple[NodeState, Choice]]) -> list[UUID]:
    return [choice.subject for _, choice in filled]


def jain(values: Iterator[float] | list[float]) -> float:
    had = list(values)
    return sum(had) ** 2 / (len(had) * sum(value * value for value in had))


def test_nothing_waits_means_nothing_chosen() -> None:
    assert Bench().assign() == []


def test_a_jobs_segments_are_given_out_once_each_and_all_of_them() -> None:
    bench = Bench(nodes=3)
    bench.job(uuid4(), 57, 3.0)
    bench.run(1e9)
    keys = [key for _, _, choice, _ in bench.given for key in choice.keys]
    assert len(keys) == len(set(keys)) == 57 and all(choice.count == len(choice.keys) for _, _, choice, _ in bench.given)


@pytest.mark.parametrize("seconds", [0.05, 0.3, 1.0, 3.0])
def test_parts_of_a_long_job_take_five_to_twenty_seconds(seconds: float) -> None:
    bench = Bench(nodes=2)
    bench.job(uuid4(), 8000, seconds)
    bench.run(200.0)
    assert all(5 <= lasts <= 20 for when, _, _, lasts in bench.given if when < 150), Counter(lasts for *_, lasts in bench.given)


def test_the_last_parts_of_a_job_end_together() -> None:
    bench = Bench(nodes=4)
    bench.job(uuid4(), 100, 1.0)
    bench.run(1e9)
    last = sorted((when + lasts) for when, _, _, lasts in bench.given)[-4:]
    assert last[-1] - last[0] <= 2.0  # two segments


def test_an_unmeasured_job_begins_with_what_its_template_took_before() -> None:
    bench = Bench()
    tenant = uuid4()
    first = bench.job(tenant, 1, 4.0, bundles=("t",))
    bench.run(10.0)
    assert first.ref in bench.farm.jobs
    later = bench.job(tenant, 50, 4.0, bundles=("t",))
    later.speed = 0.0
    assert [choice.count for _, choice in bench.assign()] == [2]


def test_a_job_that_nothing_is_known_of_begins_with_one_segment_a_part() -> None:
    bench = Bench()
    job = bench.job(uuid4(), 5000, 30.0)
    job.speed = 0.0
    assert [choice.count for _, choice in bench.assign()] == [1]


def test_a_job_that_nothing_is_known_of_is_charged_what_others_take_and_gets_its_share_only() -> None:
    bench = Bench(nodes=20)
    known, unknown = uuid4(), uuid4()
    bench.job(known, 5000, 30.0)
    bench.run(299.0)
    bench.job(unknown, 5000, 30.0).speed = 0.0
    bench.run(300.0)
    given = Counter(choice.tenant for when, _, choice, _ in bench.given if when == 300.0)
    assert given == {known: 10, unknown: 10}


def test_priority_goes_before_deadline_and_deadline_before_age() -> None:
    bench = Bench()
    tenant, day = uuid4(), datetime(2026, 5, 1, tzinfo=UTC)
    wanted = [
        bench.job(tenant, 1, priority=90),
        bench.job(tenant, 1, deadline=day),
        bench.job(tenant, 1, deadline=day.replace(month=6)),
        bench.job(tenant, 1),
    ]
    for job in reversed(wanted):  # submitted the other way round
        job.order = -job.order
        bench.farm.requeue(job)
    bench.run(1e9)
    assert [choice.subject for _, _, choice, _ in bench.given] == [job.ref[1] for job in wanted]


def test_a_change_of_priority_moves_a_job_that_waits() -> None:
    bench = Bench()
    tenant = uuid4()
    bench.job(tenant, 1)
    late = bench.job(tenant, 1)
    late.priority = 99
    bench.farm.requeue(late)
    assert subjects(bench.assign()) == [late.ref[1]]


def test_a_paused_job_gets_no_slot_until_it_is_resumed() -> None:
    bench = Bench()
    job = bench.job(uuid4(), 5, 10.0)
    job.paused = True
    assert bench.assign() == []
    job.paused = False
    bench.farm.requeue(job)
    assert subjects(bench.assign()) == [job.ref[1]]


def test_a_segment_that_comes_back_to_a_paused_job_waits_for_the_resume() -> None:
    bench = Bench()
    tenant = uuid4()
    job = bench.job(tenant, 1, name="x")
    bench.assign()
    job.paused = True
    bench.farm.vacate(next(iter(bench.farm.parts)))
    bench.farm.segment_back(tenant, "x/0")
    assert bench.assign() == []
    job.paused = False
    bench.farm.requeue(job)
    assert subjects(bench.assign()) == [job.ref[1]]


def test_equal_tenants_with_unequal_jobs_have_equal_shares() -> None:
    bench, tenants = Bench(nodes=40), [uuid4() for _ in range(5)]
    chance = random.Random(7)
    for tenant, size in zip(tenants, (1, 10, 100, 1000, 5000), strict=True):
        for _ in range(20_000 // size):
            bench.job(tenant, size, chance.choice((0.5, 1.0, 4.0)))
    bench.run(600.0)
    assert jain([bench.slot_seconds(600.0)[tenant] for tenant in tenants]) >= 0.99


def test_shares_follow_the_weights() -> None:
    bench, light, heavy = Bench(nodes=20), uuid4(), uuid4()
    bench.farm.tenants.share(heavy, 3, 1000)
    for tenant in (light, heavy):
        bench.job(tenant, 20_000)
    bench.run(500.0)
    had = bench.slot_seconds(500.0)
    assert 2.8 <= had[heavy] / had[light] <= 3.2


def test_what_parts_really_took_is_paid_not_what_was_expected() -> None:
    bench, honest, slow = Bench(nodes=10), uuid4(), uuid4()
    bench.job(honest, 20_000, 1.0)
    underrated = bench.job(slow, 20_000, 1.0)
    bench.seconds[underrated.ref[1]] = 4.0  # four times what the farm believes at first
    bench.run(800.0)
    had = bench.slot_seconds(800.0)
    assert 0.85 <= had[honest] / had[slow] <= 1.18


def test_a_small_job_waits_less_than_one_part_behind_ten_thousand() -> None:
    bench, big, small = Bench(nodes=8), uuid4(), uuid4()
    bench.job(big, 10_000, 8.0)
    bench.run(60.0)
    job = bench.job(small, 1, 1.0)
    began = bench.now
    bench.run(began + 20.0)
    assert next(when for when, _, choice, _ in bench.given if choice.subject == job.ref[1]) - began <= 8.0


def test_an_idle_tenant_saves_up_no_claim() -> None:
    bench, early, late = Bench(nodes=4), uuid4(), uuid4()
    bench.job(early, 100_000)
    bench.run(1000.0)
    bench.job(late, 100_000)
    bench.run(1400.0)
    had = [bench.slot_seconds(1400.0)[tenant] - bench.slot_seconds(1000.0)[tenant] for tenant in (early, late)]
    assert jain(had) >= 0.98


def test_a_tenant_never_has_more_slots_than_its_limit_and_blocks_nobody() -> None:
    bench, limited, other = Bench(nodes=10), uuid4(), uuid4()
    bench.farm.tenants.share(limited, 100, 3)
    bench.job(limited, 1000, 8.0)
    bench.job(other, 1000, 8.0)
    for _ in range(100):
        bench.assign()
        held = Counter(part.tenant for part in bench.farm.parts.values())
        assert held[limited] == 3 and held[other] == 7
        bench.end_next()


def test_a_raised_limit_takes_effect_at_once() -> None:
    bench, tenant = Bench(nodes=4), uuid4()
    bench.farm.tenants.share(tenant, 1, 1)
    bench.job(tenant, 100, 8.0)
    assert len(bench.assign()) == 1
    bench.farm.tenants.share(tenant, 1, 3)
    assert len(bench.assign()) == 2


@pytest.mark.parametrize(
    "needs",
    [Needs(fonts=("Vazirmatn",)), Needs(memory=2 << 30), Needs(labels=("gpu",))],
)
def test_a_job_goes_only_to_a_node_that_has_what_it_needs(needs: Needs) -> None:
    bench = Bench(nodes=3, memory=1 << 30)
    job = bench.job(uuid4(), 3, needs=needs)
    assert bench.assign() == []
    able = bench.node("able", memory=4 << 30, fonts=("Vazirmatn", "Inter"), labels=("gpu",))
    assert [(node.name, choice.subject) for node, choice in bench.assign()] == [(able.name, job.ref[1])]


def test_jobs_that_nobody_can_draw_block_nobody_and_are_not_looked_through() -> None:
    bench, tenant = Bench(), uuid4()
    for _ in range(2000):
        bench.job(tenant, 1, builds=("older", "encoder"), priority=99)
    fitting = bench.job(tenant, 1)
    assert subjects(bench.assign()) == [fitting.ref[1]]
    assert len(bench.farm.tenants.of(tenant).queues) == 2  # two classes: the choice looked at two heads


def test_a_node_that_holds_the_template_is_preferred() -> None:
    bench = Bench(nodes=5)
    holder = list(bench.farm.nodes.values())[3]
    holder.hold(["known"])
    bench.job(uuid4(), 1, bundles=("known",))
    assert [node.name for node, _ in bench.assign()] == [holder.name]


def test_work_is_spread_over_nodes_before_any_gets_a_second_part() -> None:
    bench = Bench(nodes=4, slots=2)
    bench.job(uuid4(), 100, 8.0)
    assert Counter(node.name for node, _ in bench.assign()[:4]) == Counter({f"n{number}": 1 for number in range(4)})


def test_a_segment_that_failed_on_a_node_goes_to_another() -> None:
    bench, tenant = Bench(nodes=2), uuid4()
    bench.job(tenant, 1, name="x")
    ((first, _),) = bench.assign()
    bench.farm.avoid[tenant, "x/0"] = frozenset({first.node_id})
    bench.farm.vacate(next(iter(bench.farm.parts)))
    bench.farm.segment_back(tenant, "x/0")
    ((second, _),) = bench.assign()
    assert second is not first


def test_with_no_other_node_the_same_one_tries_again() -> None:
    bench, tenant = Bench(nodes=1), uuid4()
    bench.job(tenant, 1, name="x")
    ((only, _),) = bench.assign()
    bench.farm.avoid[tenant, "x/0"] = frozenset({only.node_id})
    bench.farm.vacate(next(iter(bench.farm.parts)))
    bench.farm.segment_back(tenant, "x/0")
    assert [node for node, _ in bench.assign()] == [only]


def test_work_with_a_backoff_waits_until_it_is_due() -> None:
    bench, tenant = Bench(), uuid4()
    bench.job(tenant, 1, name="x")
    bench.assign()
    bench.farm.vacate(next(iter(bench.farm.parts)))
    bench.farm.back_later(5.0, "render", tenant, "x/0")
    assert bench.farm.bring_back(4.0) == 5.0 and bench.assign() == []
    assert bench.farm.bring_back(5.0) is None and len(bench.assign()) == 1


def test_an_inspection_is_given_out_while_all_long_slots_are_busy() -> None:
    bench = Bench(nodes=2, short_slots=1)
    bench.job(uuid4(), 100, 8.0)
    assert len(bench.assign()) == 2
    for _ in range(3):
        bench.farm.short.add("inspect", uuid4(), uuid4())
    assert [choice.kind for _, choice in bench.assign()] == ["inspect", "inspect"]  # one for each node's extra slot


def test_snapshots_wait_behind_no_render_and_behind_no_other_tenants_thousands() -> None:
    bench, greedy, modest = Bench(nodes=2, short_slots=1), uuid4(), uuid4()
    bench.job(uuid4(), 10_000, 8.0)
    assert len(bench.assign()) == 2
    for _ in range(1000):
        bench.farm.short.add("snapshot", greedy, uuid4())
    bench.farm.short.add("snapshot", modest, uuid4())
    assert [(choice.kind, choice.tenant) for _, choice in bench.assign()] == [("snapshot", greedy), ("snapshot", modest)]


def test_a_render_never_takes_the_slot_for_short_work() -> None:
    bench = Bench(nodes=1, short_slots=1)
    bench.job(uuid4(), 100, 8.0)
    bench.job(uuid4(), 100, 8.0)
    assert [choice.kind for _, choice in bench.assign()] == ["render"]


def test_a_node_that_is_not_in_service_gets_nothing_until_it_is_opened() -> None:
    bench = Bench(short_slots=1)
    node = next(iter(bench.farm.nodes.values()))
    bench.job(uuid4(), 1)
    bench.farm.short.add("inspect", uuid4(), uuid4())
    bench.farm.steer(node.node_id, "maintenance")
    assert bench.assign() == []
    bench.farm.steer(node.node_id, "open")
    assert {choice.kind for _, choice in bench.assign()} == {"inspect", "render"}


def test_a_segment_that_is_being_drawn_for_another_job_is_not_given_out_twice() -> None:
    bench, tenant = Bench(nodes=4), uuid4()
    bench.job(tenant, 2, 8.0, name="same")
    bench.job(tenant, 2, 8.0, name="same")
    keys = [key for _, choice in bench.assign() for key in choice.keys]
    assert sorted(keys) == ["same/0", "same/1"]


def test_a_dropped_job_is_not_chosen_any_more() -> None:
    bench = Bench()
    job = bench.job(uuid4(), 3)
    bench.farm.drop_job(job.ref)
    assert bench.assign() == [] and not bench.farm.users


def test_an_export_goes_before_the_renders_of_its_tenant() -> None:
    bench, tenant = Bench(), uuid4()
    done = bench.job(tenant, 0)
    bench.job(tenant, 10)
    bench.farm.assemble(done.ref)
    assert [(choice.kind, choice.subject) for _, choice in bench.assign()] == [("assemble", done.ref[1])]


def test_a_job_that_is_planned_for_other_builds_goes_to_nodes_with_those_alone() -> None:
    bench = Bench(nodes=1)
    job = bench.job(uuid4(), 3, builds=("old", "encoder"))
    bench.farm.plan(job, ("old", "encoder"))
    for idx in range(3):
        bench.farm.add_segment(job.ref, idx, f"old/{idx}", 30)
    assert not bench.assign()
    assert list(bench.farm.stranded()) == [job.ref]
    bench.farm.plan(job, BUILDS)
    for idx in range(3):
        bench.farm.add_segment(job.ref, idx, f"new/{idx}", 30)
    bench.node("late", builds=("old", "encoder"))
    bench.run(until=10.0)
    assert {key for _, _, choice, _ in bench.given for key in choice.keys} == {"new/0", "new/1", "new/2"}
    assert {node.builds for _, node, _, _ in bench.given} == {BUILDS}
    assert not list(bench.farm.stranded())
    bench.farm.drop_job(job.ref)
    assert not bench.farm.begun


def test_jobs_are_not_stranded_while_no_node_is_there_and_all_are_asked_of_in_turn() -> None:
    bench = Bench(nodes=0)
    jobs = [bench.farm.add_job((uuid4(), uuid4()), 50) for _ in range(MOST_STRANDED + 1)]
    for job in jobs:
        bench.farm.plan(job, ("old", "encoder"))
    assert not list(bench.farm.stranded())
    bench.node()
    first, then = list(bench.farm.stranded()), list(bench.farm.stranded())
    assert len(first) == MOST_STRANDED and {*first, *then} == {job.ref for job in jobs}
