"""What goes into one batch: a heavy command fills it, so that what is short does not wait for several of them."""

from collections import deque
from uuid import uuid4

from consumers.render import DOMAIN
from consumers.runtime import runtime
from consumers.runtime.item import Item
from consumers.runtime.runtime import Runtime
from contracts.envelope import first
from contracts.message import Command
from contracts.render import CancelJob, SubmitJob
from tests.unit.domains.test_render import spec


def waiting(*commands: Command) -> Runtime:
    one = Runtime(DOMAIN, None, lambda: None, (), lambda cursor: None)
    one._waiting = deque(Item(envelope=first(command, tenant=uuid4()), command=command) for command in commands)
    return one


def job(segments: int) -> SubmitJob:
    return SubmitJob(job_id=uuid4(), spec=spec("a", frames=30 * segments), spec_sha256="s", priority=50)


def test_jobs_of_many_segments_are_taken_one_at_a_time_and_small_ones_together() -> None:
    held = waiting(*(job(1000) for _ in range(3)), *(job(1) for _ in range(50)))
    assert [len(held._take_commands()) for _ in range(4)] == [1, 1, 1, 50]


def test_short_commands_before_a_heavy_one_go_with_it() -> None:
    held = waiting(CancelJob(job_id=uuid4()), job(1000), CancelJob(job_id=uuid4()))
    assert [len(held._take_commands()) for _ in range(3)] == [2, 1, 0]


def test_a_batch_has_a_limit_without_heavy_commands_too() -> None:
    held = waiting(*(CancelJob(job_id=uuid4()) for _ in range(runtime.BATCH + 10)))
    assert [len(held._take_commands()) for _ in range(2)] == [runtime.BATCH, 10]
