"""What people do with jobs under way, and what tenants may have of the farm."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from consumers.identity import DOMAIN as IDENTITY
from consumers.identity.tenants import TENANTS
from consumers.render import DOMAIN
from consumers.render.jobs.tables import JOBS, SHARES
from contracts.identity.tenants import ChangeTenantLimits, CreateTenant, TenantCreated, TenantLimitsChanged
from contracts.render.jobs import CancelJob, FailJob, PauseJob, RescheduleJob, ResumeJob, SubmitJob
from contracts.render.shares import LearnShare
from contracts.spec import Needs, RenderSpec, SceneSpec
from tests.support.domain_harness import DomainHarness, formerly, kinds, refused

DAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def harness() -> DomainHarness:
    return DomainHarness(DOMAIN)


def submitted(harness: DomainHarness) -> UUID:
    scene = SceneSpec(scene="s", bundle="b", digest="d", frames=30, duration=1.0)
    job_id, spec = uuid4(), RenderSpec(scenes=(scene,), width=320, height=180)
    harness.do(SubmitJob(job_id=job_id, spec=spec, spec_sha256="s", priority=50, deadline=DAY, needs=Needs(labels=("gpu",))))
    return job_id


def test_a_job_keeps_its_deadline_its_needs_and_the_correlation_of_its_request(harness: DomainHarness) -> None:
    job = harness.row(JOBS, submitted(harness))
    assert (job.deadline, job.needs.labels) == (DAY, ("gpu",)) and job.correlation_id is not None


def test_a_paused_job_says_so_and_a_second_pause_changes_nothing(harness: DomainHarness) -> None:
    job_id = submitted(harness)
    assert kinds(harness.do(PauseJob(job_id=job_id))) == ["JobPaused"] and harness.row(JOBS, job_id).paused
    assert harness.do(PauseJob(job_id=job_id)) == [] and harness.answer["paused"] is True


def test_a_resumed_job_goes_on_and_one_that_was_not_paused_is_as_it_was(harness: DomainHarness) -> None:
    job_id = submitted(harness)
    assert harness.do(ResumeJob(job_id=job_id)) == []
    harness.do(PauseJob(job_id=job_id))
    assert kinds(harness.do(ResumeJob(job_id=job_id))) == ["JobResumed"] and not harness.row(JOBS, job_id).paused


def test_what_a_reschedule_does_not_give_stays(harness: DomainHarness) -> None:
    job_id = submitted(harness)
    assert kinds(harness.do(RescheduleJob(job_id=job_id, priority=90))) == ["JobRescheduled"]
    job = harness.row(JOBS, job_id)
    assert (job.priority, job.deadline) == (90, DAY)
    assert harness.do(RescheduleJob(job_id=job_id, priority=90)) == []


def test_a_deadline_that_no_clock_can_hold_is_refused(harness: DomainHarness) -> None:
    refusal = harness.do(RescheduleJob(job_id=submitted(harness), deadline=DAY.replace(year=1999)))
    assert refused(refusal) == "render.out_of_bounds" and refusal.problem.field == "deadline"


@pytest.mark.parametrize("command", [PauseJob, ResumeJob, RescheduleJob])
def test_an_ended_job_cannot_be_steered_and_an_unknown_one_is_not_found(harness: DomainHarness, command: type) -> None:
    job_id = submitted(harness)
    harness.do(CancelJob(job_id=job_id))
    assert refused(harness.do(command(job_id=job_id))) == "render.ended"
    assert refused(harness.do(command(job_id=uuid4()))) == "job.not_found"


def test_a_job_that_cannot_be_drawn_fails_with_the_reason_and_only_once(harness: DomainHarness) -> None:
    job_id = submitted(harness)
    assert kinds(harness.do(FailJob(job_id=job_id, code="template.set_aside", detail="it ended engines"))) == ["JobFailed"]
    assert harness.row(JOBS, job_id).code == "template.set_aside"
    assert refused(harness.do(FailJob(job_id=job_id, code="x", detail="y"))) == "render.ended"


def test_the_farm_learns_a_tenants_share_and_ignores_what_it_knows(harness: DomainHarness) -> None:
    created = TenantCreated(name="t", render_weight=3, max_slots=7, requests_per_second=1)
    for _ in range(2):
        assert harness.hear(created) == []
        assert (harness.row(SHARES).max_slots, harness.row(SHARES).version) == (7, 1)
    harness.hear(TenantLimitsChanged(render_weight=3, max_slots=8, requests_per_second=1))
    assert (harness.row(SHARES).max_slots, harness.row(SHARES).version) == (8, 2)


def test_a_share_of_an_earlier_releases_queue_is_kept_where_none_is_known(harness: DomainHarness) -> None:
    (learn,) = formerly(DOMAIN, "shares", TenantCreated(name="t", render_weight=3, max_slots=7, requests_per_second=1))
    assert learn == LearnShare(render_weight=3, max_slots=7)
    assert kinds(harness.do(learn)) == ["ShareLearned"] and harness.row(SHARES).max_slots == 7
    assert harness.do(LearnShare(render_weight=1, max_slots=1)) == []


def test_a_tenants_limits_change_one_by_one_within_their_bounds() -> None:
    harness = DomainHarness(IDENTITY)
    assert refused(harness.do(ChangeTenantLimits(max_slots=2))) == "tenant.not_found"
    harness.do(CreateTenant(name="t"))
    (changed,) = harness.do(ChangeTenantLimits(max_slots=2))
    assert isinstance(changed, TenantLimitsChanged) and (changed.max_slots, changed.render_weight) == (2, 1)
    assert harness.row(TENANTS).max_slots == 2 and harness.do(ChangeTenantLimits(max_slots=2)) == []
    refusal = harness.do(ChangeTenantLimits(render_weight=101))
    assert refused(refusal) == "identity.out_of_bounds" and "1 to 100" in refusal.problem.detail
