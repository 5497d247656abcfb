"""What people are told of a film, and what they say of versions, as checks, and what breaks them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import msgspec

from consumers.content import DOMAIN as CONTENT
from consumers.render import DOMAIN
from consumers.render.jobs import job
from consumers.render.jobs.tables import JOBS
from consumers.render.kinds import segments
from consumers.render.leases.object_keys import segment_object_key
from consumers.runtime import batch
from consumers.runtime.batch import Batch
from consumers.runtime.domain import Context, Refusal
from contracts.content.categories import CreateCategory, RenameCategory
from contracts.envelope import first
from contracts.message import PLATFORM
from contracts.node import PROTOCOL, RegisterNode, ReportSegment
from contracts.render.jobs import SubmitJob
from contracts.render.parts import AssignPart
from contracts.spec import RenderSpec, SceneSpec, Warning
from tests.mutants.checks import hold
from tests.support.domain_harness import DomainHarness

Mutation = Callable[[], AbstractContextManager[Any]]
NODE, SHA = uuid4(), "0" * 64
SPEC = RenderSpec(scenes=(SceneSpec(scene="s", bundle="b", digest="d", frames=30, duration=1.0),), width=320, height=180)
TORN = Warning(code="text.torn", detail="A word was broken.", element="frl_title", scene="s")


def drawn(*warnings: Warning) -> tuple[DomainHarness, Any]:
    """A farm that has drawn a film of one segment, with what its node noticed; the film's id."""
    harness, job_id = DomainHarness(DOMAIN), uuid4()
    build = {"engine_build": "e", "encoder_build": "x", "version": "0", "platform": "linux"}
    harness.do(RegisterNode(protocol=PROTOCOL, name="n", slots=1, **build), actor=f"node:{NODE}", tenant=PLATFORM)
    harness.do(SubmitJob(job_id=job_id, spec=SPEC, spec_sha256="s", priority=50))
    part, *_ = harness.do(AssignPart(kind="render", subject_id=job_id, node_id=NODE, node_epoch=1, first=0, count=1))
    place = segment_object_key(harness.tenant, part.keys[0], part.epoch, part.part_id)
    facts = {"object_key": place, "sha256": SHA, "bytes": 1, "frames": 30, "difference": 0.0, "seconds": 0.5, "warnings": warnings}
    harness.do(ReportSegment(part_id=part.part_id, epoch=part.epoch, key=part.keys[0], **facts), actor=f"node:{NODE}")
    return harness, job_id


def whoever_draws_a_film_is_warned() -> None:
    """What a node notices reaches the film that it draws."""
    harness, job_id = drawn(TORN)
    hold(tuple(harness.row(JOBS, job_id).warnings) == (TORN,), "a film is not warned of what its node noticed")


def reports_are_heard_without_their_warnings() -> Any:
    """The farm takes a segment and lets fall what its node says."""
    return patch.object(segments, "noticed", lambda said: ())


def whoever_takes_up_what_was_drawn_is_warned() -> None:
    """A film of segments that are there already is warned as the first one was."""
    harness, _ = drawn(TORN)
    again = uuid4()
    harness.do(SubmitJob(job_id=again, spec=SPEC, spec_sha256="s", priority=50))
    hold(tuple(harness.row(JOBS, again).warnings) == (TORN,), "a film of drawn segments is not warned")


def drawn_segments_are_silent() -> Any:
    """A plan looks at what is drawn, and not at what was noticed."""
    return patch.object(job, "told", lambda *_: [])


def what_a_node_makes_up_is_bounded() -> None:
    """A node cannot fill rows and feeds."""
    harness, job_id = drawn(*(Warning(code=str(at), detail="x" * 9999) for at in range(999)))
    found = harness.row(JOBS, job_id).warnings
    hold(len(found) <= 20 and all(len(one.detail) <= 250 for one in found), f"{len(found)} warnings are kept")


def nodes_are_believed() -> Any:
    """What a node says is kept as it is."""
    return patch.object(segments, "noticed", tuple)


def a_change_of_another_version_is_refused() -> None:
    """Who read a thing before somebody else changed it does not overwrite that."""
    harness = DomainHarness(CONTENT)
    harness.do(CreateCategory(name="a"))
    category = harness.answer["category_id"]
    harness.do(RenameCategory(category_id=category, name="b"))
    command = RenameCategory(category_id=category, name="c")
    envelope = msgspec.structs.replace(first(command, tenant=harness.tenant), if_match="category_id=1")
    deciding: Any = SimpleNamespace(domain=CONTENT, state=harness.state)
    context = Context.of("content", envelope, harness.now)
    decision = harness._loaded(lambda: Batch._decision(deciding, command, envelope, context))
    hold(isinstance(decision, Refusal) and decision.problem.code == "request.precondition", "another's change is overwritten")


def if_match_is_passed_over() -> Any:
    """Commands are decided whatever version they are for."""
    return patch.object(batch, "unexpected", lambda *_: None)


RED: list[tuple[Callable[[], None], Mutation]] = [
    (whoever_draws_a_film_is_warned, reports_are_heard_without_their_warnings),
    (whoever_takes_up_what_was_drawn_is_warned, drawn_segments_are_silent),
    (what_a_node_makes_up_is_bounded, nodes_are_believed),
    (a_change_of_another_version_is_refused, if_match_is_passed_over),
]
