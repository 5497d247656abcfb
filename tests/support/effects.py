"""Domains whose effects are a test's own, and tries of effects."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import msgspec

from consumers.runtime.domain import Domain
from consumers.runtime.effects.declared import Run
from contracts.envelope import Envelope


def running_by(domain: Domain, run: Run) -> Domain:
    """The domain with this function for each of its kinds."""
    kinds = tuple(kind if kind.together else msgspec.structs.replace(kind, run=run) for kind in domain.effects)
    return msgspec.structs.replace(domain, effects=kinds)


def call_of(envelope: Envelope) -> Any:
    """A try of an effect of this event."""
    return SimpleNamespace(key=uuid4(), envelope=envelope, attempt=1, left=2.0, begin=lambda: None)
