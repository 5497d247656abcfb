"""What all short kinds of work have in common: rows that wait, are given out one by one, and wait again until they are given up."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from consumers.render.leases.kind import (
    Assign,
    Assigned,
    Attempts,
    Ended,
    Failed,
    Failure,
    Files,
    Grant,
    Kind,
    Make,
    Queue,
    Read,
    Results,
    Rows,
    Templates,
    Wants,
    no_files,
    no_templates,
)
from consumers.render.rows import Part
from consumers.runtime.domain import Context, Refusal, refuse
from consumers.runtime.projection import moved
from consumers.runtime.state import View, Want
from consumers.runtime.table import Table
from contracts.envelope import Envelope
from contracts.message import Event
from contracts.render import AssignPart, PartAssigned, PartEnded, PartKind

TRIES = 3


def short_kind(
    *,
    name: PartKind,
    queue: Queue,
    given_up: Callable[[Any, Failure], Event],
    read: Read,
    manifest: Make,
    files: Files = no_files,
    templates: Templates = no_templates,
    results: Results | None = None,
) -> Kind:
    """A kind whose work waits in the rows of `queue`; `given_up` is the event by which one that failed ends, made of its row."""
    return Kind(
        name=name,
        queue=queue,
        results=results,
        tries=TRIES,
        wants=_wants(queue.table),
        assign=_assign(queue.table),
        attempts=_attempts(queue.table),
        failed=_failed(queue.table, given_up),
        templates=templates,
        assigned=_assigned(queue.table),
        ended=_ended(queue.table),
        read=read,
        files=files,
        manifest=manifest,
    )


def _wants(table: Table[Any]) -> Wants:
    """The row."""

    def want(cmd: AssignPart, view: View) -> Iterable[Want]:
        return (view.at(table, cmd.subject_id),)

    return want


def _assign(table: Table[Any]) -> Assign:
    """A row that waits; every try has an epoch of its own."""

    def grant(cmd: AssignPart, view: View) -> Grant | Refusal:
        row = view.get(table, cmd.subject_id)
        if row is None or row.state != "queued":
            return refuse("render.not_waiting", f"nothing waits for this {cmd.kind}")
        return Grant(row.attempts + 1)

    return grant


def _attempts(table: Table[Any]) -> Attempts:
    """As the row counts them."""

    def count(part: Part, view: View) -> int:
        row = view.get(table, part.subject_id)
        return row.attempts if row else 0

    return count


def _failed(table: Table[Any], given_up: Callable[[Any, Failure], Event]) -> Failed:
    """The event that `given_up` makes of the row, if it is not tried again."""

    def follow(failure: Failure, view: View, ctx: Context) -> Sequence[Event]:
        row = view.get(table, failure.part.subject_id) if failure.is_last else None
        return [given_up(row, failure)] if row is not None else []

    return follow


def _assigned(table: Table[Any]) -> Assigned:
    """It waits no more."""

    def write(event: PartAssigned, envelope: Envelope, view: View) -> Rows:
        row = view.get(table, event.subject_id)
        assert row is not None, "only what waits is assigned"
        yield table, moved(row, envelope, state="assigned")

    return write


def _ended(table: Table[Any]) -> Ended:
    """What is not done waits again, one attempt older when it failed."""

    def write(event: PartEnded, envelope: Envelope, view: View) -> Rows:
        row = view.get(table, event.subject_id)
        if row is not None and row.state == "assigned":
            yield table, moved(row, envelope, state="queued", attempts=row.attempts + int(event.end == "failed"))

    return write
