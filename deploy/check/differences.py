"""What a check finds: each difference with where it is, what was expected, what is there, and what to do."""

import msgspec

FULL = "`flatrender check --full` looks at everything; docs/guides/check.md says what each difference means."


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two things that should agree and do not."""

    name: str  # of the comparison that found it, as rows or window
    place: str  # where
    expected: str
    found: str
    remedy: str = FULL
    moves: bool = False  # what is found would change if somebody worked at it: that is no difference then
    again: str = ""  # from where a walk has to go on for it to be looked at again

    @property
    def identity(self) -> tuple[str, str, str]:
        """By which a second look finds it again."""
        return self.name, self.place, self.found if self.moves else ""

    @property
    def known(self) -> tuple[str, str]:
        """By which it is kept."""
        return self.name, self.place

    def __str__(self) -> str:
        return f"{self.name}: {self.place}: expected {self.expected}, found {self.found}. {self.remedy}"


class Counts(msgspec.Struct, kw_only=True):
    """What was looked at."""

    events: int = 0  # of the log and of outboxes
    messages: int = 0  # of EVENTS
    rows: int = 0
    tenants: int = 0  # whole ones
    commands: int = 0
    objects: int = 0
    archives: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a check."""

    differences: tuple[Difference, ...]
    counts: Counts
    position: int  # the log's last
    since: int  # from which position on the log and the rows were compared
    skipped: int = 0  # positions behind the last check that were too many for this one
    unsure: tuple[str, ...] = ()  # rows that look wrong and whose history is too long to be sure
    whole: bool = False
    seconds: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.differences
