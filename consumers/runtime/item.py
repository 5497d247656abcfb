"""A command on its way through a batch, and what became of it."""

from typing import Any
from uuid import UUID

import msgspec

from consumers.runtime.domain import Context, Domain
from consumers.runtime.state import Missing, State, Want
from contracts.envelope import Envelope
from contracts.message import PLATFORM, Command, Event, encode
from contracts.outcome import Outcome, Problem

Numbers = tuple[int, int]
POSITION = "reacts-to"  # among the kept headers: the log's position of the event that a reaction reacted to
REACTION = "reaction"  # and the reaction's name


class Item(msgspec.Struct):
    """A command on its way through a batch, and what became of it."""

    envelope: Envelope
    command: Command | None
    raw: Any = None  # the broker's message, to be acknowledged; None for a reaction
    body: bytes = b""  # as it came; empty for a command of this very process
    own: bool = False  # of this very process, which may lose it: nobody sends it again or asks for it
    position: int = 0  # of the event that a reaction reacts to
    reaction: str = ""  # its name
    said: UUID | None = None  # the id that a node gave its report
    unreadable: str = ""
    verdict: Problem | None = None  # why it is refused before it is decided again: a constraint's name for it
    bare: bool = False  # its quarantine keeps nothing that it said: that could not be stored, or is personal
    outcome: Outcome | None = None
    again: float = 0.0  # seconds until it is tried once more
    seen: bool = False
    wants: tuple[Want, ...] = ()  # what its decider asks for first
    events: list[tuple[Envelope, Event, str, int]] = []

    @property
    def home(self) -> UUID:
        """The tenant in whose inbox it lies: a report's is the platform, for the tenant in it is what a node says."""
        return PLATFORM if self.said is not None else self.envelope.tenant

    @property
    def numbers(self) -> Numbers:
        """The inbox row's key as the numbers that they are: UUIDs are slow to look up."""
        return self.home.int, self.envelope.id.int

    @property
    def text(self) -> str:
        """The command's body as quarantine keeps it."""
        return storable((self.body or encode(self.command)).decode(errors="replace"))

    @property
    def kept_headers(self) -> dict[str, str]:
        """The headers as quarantine keeps them: those under which it is published again, and which event it reacted to."""
        envelope = self.envelope if self.said is None else msgspec.structs.replace(self.envelope, id=self.said)
        headers = {name: storable(value) for name, value in envelope.headers().items()}
        if self.position:
            headers |= {POSITION: str(self.position)} | ({REACTION: self.reaction} if self.reaction else {})
        return headers

    @property
    def cause(self) -> UUID:
        """What its events name as their cause: a command of this very process that has a cause of its own stands for that."""
        return self.envelope.causation if self.own else self.envelope.id

    @property
    def leaves_operation(self) -> bool:
        """Whether it gets a row, by which its cause is found: one that stands for another cause only when it was not carried out."""
        return self.cause == self.envelope.id or self.outcome is None or self.outcome.state != "done"

    def give_up(self, reason: str) -> None:
        """Have it quarantined instead of decided, for which nothing is loaded."""
        self.body, self.command, self.unreadable, self.wants = self.body or encode(self.command), None, reason, ()


def scout(domain: Domain, item: Item) -> Item:
    """Note which rows the decider asks for before it knows any: done when the command arrives, while PostgreSQL is at work."""
    if item.command is not None:
        try:
            state = State()
            context = Context.of(domain.name, item.envelope, item.envelope.time, minted=state.minted)
            domain.decides[type(item.command)](item.command, state.view(item.envelope.tenant), context)
        except Missing as missing:
            item.wants = tuple(missing.wants)
        except Exception:  # the batch decides it again, and says what is wrong
            item.wants = ()
    return item


def storable(text: str) -> str:
    """The text without what PostgreSQL cannot keep: U+0000 and lone surrogates become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\x00", "\ufffd")
