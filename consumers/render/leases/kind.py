"""What a kind of work is: one value says all that the farm must know of it. `consumers/render/kinds` has one for each."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from adapters.object_store import ObjectStore
from consumers.render.leases.manifest_inputs import Known, ManifestInputs
from consumers.runtime.domain import Context, ForPlatform, Refusal
from consumers.runtime.state import View, Want
from consumers.runtime.table import Table
from consumers.runtime.tools import Ask
from contracts.entity import Row
from contracts.envelope import Envelope
from contracts.message import Command, Event
from contracts.node import Manifest, ReportFailure
from contracts.render.nodes import CrashKind
from contracts.render.parts import AssignPart, Part, PartAssigned, PartEnded, PartKind

Rows = Iterable[tuple[Table[Any], Row]]


class Grant(msgspec.Struct, frozen=True):
    """What a lease is to hold, and under which epoch; `events` happen with it."""

    epoch: int
    keys: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    events: tuple[Event, ...] = ()


class Failure(msgspec.Struct, frozen=True):
    """A part that its node could not do. `code`, `detail` and `field` are why its work fails, if it is not tried again."""

    report: ReportFailure
    part: Part
    attempts: int  # at this work that failed before this one
    is_hopeless: bool  # no node would do better: what is to be done was refused, or its template is set aside
    is_exhausted: bool  # it was tried as often as it may be
    code: str
    detail: str
    field: str = ""

    @property
    def is_last(self) -> bool:
        """Whether the work is given up."""
        return self.is_hopeless or self.is_exhausted


class Queue(msgspec.Struct, frozen=True):
    """What waits for a node by itself: rows with a `state` (queued, assigned, then ended) and `attempts`; the key is the part's subject."""

    table: Table[Any]
    begins: type[Event]  # from it on a row waits
    ends: tuple[type[Event], ...]  # by these it is over


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """A kind's finished objects, which the scrubber reads again and again; each has a name within its tenant."""

    name: str  # of one of them, in `render.object_scrubs`
    following: str  # the statement that finds the first one behind a tenant and a name
    first: str  # a name before all others
    spoilt: Callable[[str, str, str], Command]  # tells of one by its name, where it lies, and the SHA-256 that was found, or nothing
    becomes: str  # what is done about it, for people


Templates = Callable[[Part, View], Iterable[str]]
Files = Callable[[ManifestInputs, Part], Iterable[str]]
Read = Callable[[Ask, Known, ManifestInputs, Sequence[Part]], Awaitable[None]]
MakeManifest = Callable[[ManifestInputs, Part, ObjectStore], Manifest]


def no_templates(part: Part, view: View) -> Iterable[str]:
    """Of a kind that draws none."""
    return ()


def no_files(inputs: ManifestInputs, part: Part) -> Iterable[str]:
    """Of a kind whose manifest says where its only file is."""
    return ()


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of work that nodes do, one part at a time."""

    name: PartKind
    queue: Queue | None = None  # of a short kind: it takes seconds, somebody waits for it, and nodes have extra slots for it
    results: Results | None = None  # None: they are for another domain, which looks at them itself
    tries: int  # failures of one piece of work after which it is given up
    tries_after: Mapping[CrashKind, int] = {}  # other numbers, by what died the last time

    # Asked by deciders
    wants: Callable[[AssignPart, View], Iterable[Want]]  # what `assign` will ask for, so that it is loaded in one round
    assign: Callable[[AssignPart, View], Grant | Refusal]  # what a lease is to hold, if the work waits
    attempts: Callable[[Part, View], int]  # failures of a part's work before
    failed: Callable[[Failure, View, Context], Sequence[Event | ForPlatform]]  # what a failure means beside the end of its lease
    templates: Templates = no_templates  # SHA-256 of those that a part draws, which can be at fault

    # By projections
    assigned: Callable[[PartAssigned, Envelope, View], Rows]  # what a lease changes beside its own row
    ended: Callable[[PartEnded, Envelope, View], Rows]  # and what its end changes: what is not done waits again

    # By the effect that sends parts to nodes
    read: Read  # what the manifests of a group of parts are made of
    files: Files = no_files  # SHA-256 of those that the node fetches
    manifest: MakeManifest
