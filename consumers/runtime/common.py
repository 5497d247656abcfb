"""What every domain has besides what it declares: it decides what persons do about its effects, and logs what it refused or set aside."""

from msgspec.structs import force_setattr

from consumers.runtime.domain import Domain
from consumers.runtime.effects import steering
from consumers.runtime.projection import Write, nothing
from contracts.audit import QUARANTINED, REFUSED
from contracts.message import Event


class WholeDomain(Domain, frozen=True, kw_only=True, dict=True):
    """A domain as its package declares it, with what all have. Of a message that it declares itself, its own word stands."""

    def __post_init__(self) -> None:
        audit: dict[type[Event], Write] = {REFUSED[self.name]: nothing, QUARANTINED[self.name]: nothing}
        force_setattr(self, "decides", steering.decides(self.name) | self.decides)
        force_setattr(self, "writes", audit | steering.writes(self.name) | self.writes)
