"""What holds for work of every kind, as checks over the render domain in memory, and the changes that break it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, get_args
from unittest.mock import patch

from msgspec.structs import replace

from consumers.render.kinds import KINDS, inspections
from consumers.runtime.domain import Refusal
from contracts.file_mgr.files import FileKind
from tests.mutants.checks import hold
from tests.unit.domains.render.test_kinds import ready
from tests.unit.domains.render.test_render import assign, fail, farm, found

Mutation = Callable[[], AbstractContextManager[Any]]
TRIES = {name: kind.tries for name, kind in KINDS.items()}
OURS = "node.store_failed"  # a node's own trouble: another one may do it


def one_node_has_it(kind: str) -> None:
    """What is given to a node is given to nobody else meanwhile."""
    harness, subject = ready(kind)
    hold(not isinstance(assign(harness, subject, kind), Refusal), "what waits is given to nobody")
    hold(isinstance(assign(harness, subject, kind), Refusal), "the same work was given out twice")


def what_failed_waits_again(kind: str) -> None:
    """A node's own trouble ends nothing but its lease."""
    harness, subject = ready(kind)
    fail(harness, assign(harness, subject, kind), OURS)
    hold(not isinstance(assign(harness, subject, kind), Refusal), "what failed once is given to nobody any more")


def it_is_given_up_in_the_end(kind: str) -> None:
    """After as many failures as its kind says, not before."""
    harness, subject = ready(kind)
    for number in range(TRIES[kind]):
        part = assign(harness, subject, kind)
        hold(not isinstance(part, Refusal), f"it was given up after {number} failures")
        fail(harness, part, OURS)
    hold(isinstance(assign(harness, subject, kind), Refusal), "it fails for ever")


def a_file_is_of_a_kind_that_there_is() -> None:
    """Whatever a node says: rows of other domains are read by that word."""
    ended, _ = found(farm(), "hologram")
    hold(ended.kind in get_args(FileKind) and bool(ended.code), "a node made up a kind of file, and it was taken for one")


def every_word_is_a_kind_of_file() -> AbstractContextManager[Any]:
    """What a node says is taken for true."""
    return patch.object(inspections, "get_args", lambda _: ("hologram",))


def leases_are_not_told_to_the_kind() -> AbstractContextManager[Any]:
    """The lease has its row, and what it is for stays as it was."""
    return _all(assigned=lambda event, envelope, view: ())


def ends_are_not_told_to_the_kind() -> AbstractContextManager[Any]:
    """The lease is over, and its work waits for nobody."""
    return _all(ended=lambda event, envelope, view: ())


def failures_are_forgotten() -> AbstractContextManager[Any]:
    """Every failure is a first one."""
    return _all(attempts=lambda part, view: 0)


def one_failure_is_enough() -> AbstractContextManager[Any]:
    """Nothing is tried again."""
    return _all(tries=1)


def _all(**changed: Any) -> AbstractContextManager[Any]:
    return patch.dict(KINDS, {name: replace(kind, **changed) for name, kind in KINDS.items()})
