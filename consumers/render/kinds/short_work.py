"""What all short kinds of work have in common: rows that wait, are given out one by one, and wait again until they are given up."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from consumers.render.leases.kind import (
    Failure,
    Files,
    Grant,
    Kind,
    MakeManifest,
    Queue,
    Read,
    Results,
    Rows,
    Templates,
    no_files,
    no_templates,
)
from consumers.runtime.domain import Context, Refusal, refuse
from consumers.runtime.projection import moved
from consumers.runtime.state import View, Want
from consumers.runtime.table import Table
from contracts.envelope import Envelope
from contracts.message import Event
from contracts.render.parts import AssignPart, Part, PartAssigned, PartEnded, PartKind

TRIES = 3


def short_kind(
    *,
    name: PartKind,
    queue: Queue,
    given_up: Callable[[Any, Failure], Event],
    read: Read,
    manifest: MakeManifest,
    files: Files = no_files,
    templates: Templates = no_templates,
    results: Results | None = None,
) -> Kind:
    """A kind whose work waits in the rows of `queue`; `given_up` is the event by which one that failed ends, made of its row."""
    table = queue.table
    return Kind(
        name=name,
        queue=queue,
        results=results,
        tries=TRIES,
        wants=partial(_wants, table),
        assign=partial(_assign, table),
        attempts=partial(_attempts, table),
        failed=partial(_failed, table, given_up),
        templates=templates,
        assigned=partial(_assigned, table),
        ended=partial(_ended, table),
        read=read,
        files=files,
        manifest=manifest,
    )


def _wants(table: Table[Any], cmd: AssignPart, view: View) -> Iterable[Want]:
    return (view.at(table, cmd.subject_id),)


def _assign(table: Table[Any], cmd: AssignPart, view: View) -> Grant | Refusal:
    """A row that waits; every try has an epoch of its own."""
    row = view.get(table, cmd.subject_id)
    if row is None or row.state != "queued":
        return refuse("render.not_waiting", f"nothing waits for this {cmd.kind}")
    return Grant(row.attempts + 1)


def _attempts(table: Table[Any], part: Part, view: View) -> int:
    row = view.get(table, part.subject_id)
    return row.attempts if row else 0


def _failed(table: Table[Any], given_up: Callable[[Any, Failure], Event], failure: Failure, view: View, ctx: Context) -> Sequence[Event]:
    row = view.get(table, failure.part.subject_id) if failure.is_last else None
    return [given_up(row, failure)] if row is not None else []


def _assigned(table: Table[Any], event: PartAssigned, envelope: Envelope, view: View) -> Rows:
    row = view.get(table, event.subject_id)
    assert row is not None, "only what waits is assigned"
    yield table, moved(row, envelope, state="assigned")


def _ended(table: Table[Any], event: PartEnded, envelope: Envelope, view: View) -> Rows:
    """What is not done waits again, one attempt older when it failed."""
    row = view.get(table, event.subject_id)
    if row is not None and row.state == "assigned":
        yield table, moved(row, envelope, state="queued", attempts=row.attempts + int(event.end == "failed"))
