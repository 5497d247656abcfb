"""What the farm knows of a node, a job and a part, and what it decides."""

import math
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from contracts.render.nodes import Capabilities, Service
from contracts.render.parts import PartKind
from contracts.spec import Needs

Ref = tuple[UUID, UUID]  # tenant and job (or file)
SegmentRef = tuple[UUID, str]
Place = tuple[int, float, int]  # in a tenant's queue: smaller goes first
MOST_BUNDLES = 100  # that a node is thought to hold


class Offer(msgspec.Struct, frozen=True):
    """What all nodes of one class can do."""

    builds: tuple[str, str]
    memory: int
    fonts: frozenset[str]
    labels: frozenset[str]

    def fits(self, want: "Want") -> bool:
        """Whether a node of this class can draw a job."""
        needs = want.needs
        return (
            self.builds == want.builds
            and needs.memory <= (self.memory or math.inf)
            and self.fonts.issuperset(needs.fonts)
            and self.labels.issuperset(needs.labels)
        )


class Want(msgspec.Struct, frozen=True):
    """What a class of jobs needs of a node."""

    builds: tuple[str, str]
    needs: Needs


class NodeState(msgspec.Struct):
    """A registered node; `busy` and `short` hold the parts that occupy its slots."""

    node_id: UUID
    name: str
    epoch: int
    slots: int
    builds: tuple[str, str]
    heard: float
    capabilities: Capabilities = Capabilities()
    service: Service = "open"
    busy: set[UUID] = msgspec.field(default_factory=set)
    short: set[UUID] = msgspec.field(default_factory=set)  # parts of short kinds
    reported: frozenset[UUID] = frozenset()  # the parts of its latest heartbeat
    bundles: dict[str, None] = msgspec.field(default_factory=dict)  # templates that it holds, the latest given last
    offer: Offer | None = None

    def __post_init__(self) -> None:
        own = self.capabilities
        self.offer = Offer(self.builds, own.memory, frozenset(own.fonts), frozenset(own.labels))

    @property
    def free(self) -> int:
        """Slots for any kind; short work beyond the extra slots takes these too."""
        return self.slots - len(self.busy) - max(0, len(self.short) - self.capabilities.short_slots)

    @property
    def free_short(self) -> int:
        """Slots that short work can have."""
        return max(0, self.capabilities.short_slots - len(self.short)) + max(0, self.free)

    def hold(self, bundles: Iterable[str]) -> None:
        """The node was given templates, which it keeps."""
        for bundle in bundles:
            self.bundles.pop(bundle, None)
            self.bundles[bundle] = None
        while len(self.bundles) > MOST_BUNDLES:
            del self.bundles[next(iter(self.bundles))]


class JobState(msgspec.Struct):
    """A job with segments that wait; `waiting` is a heap of positions, `picky` holds those that avoid nodes."""

    ref: Ref
    priority: int
    order: int
    deadline: datetime | None = None
    needs: Needs = Needs()
    bundles: tuple[str, ...] = ()
    correlation: UUID | None = None
    cause: UUID | None = None  # the event that brought the job, if this process has heard it
    builds: tuple[str, str] | None = None
    paused: bool = False
    keys: dict[int, str] = msgspec.field(default_factory=dict)
    frames: dict[int, int] = msgspec.field(default_factory=dict)
    waiting: list[int] = msgspec.field(default_factory=list)
    picky: dict[int, None] = msgspec.field(default_factory=dict)
    speed: float = 0.0  # seconds for a frame, a moving average; 0 = not measured

    @property
    def place(self) -> Place:
        """Priority, then the earlier deadline, then age."""
        return -self.priority, self.deadline.timestamp() if self.deadline else math.inf, self.order

    @property
    def want(self) -> Want | None:
        """What it needs of a node, once it is planned."""
        return Want(self.builds, self.needs) if self.builds else None

    @property
    def open(self) -> bool:
        """Whether something of it can be given out."""
        return not self.paused and bool(self.waiting or self.picky)


class PartState(msgspec.Struct):
    """A lease, or one that is being asked for."""

    part_id: UUID
    tenant: UUID
    node_id: UUID
    node_epoch: int
    kind: PartKind
    subject: UUID
    keys: tuple[str, ...]
    since: float
    confirmed: bool = False
    missed: int = 0
    expected: float = 0.0  # slot seconds that the tenant was charged for it


class Choice(msgspec.Struct, frozen=True):
    """What a free slot shall do; `expected` is in slot seconds."""

    kind: PartKind
    tenant: UUID
    subject: UUID
    first: int = 0
    count: int = 0
    keys: tuple[str, ...] = ()
    places: tuple[int, ...] = ()  # of each key in the job
    expected: float = 0.0
