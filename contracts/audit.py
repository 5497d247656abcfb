"""The two events that every domain has: a refusal and a quarantine, logged under the platform tenant, outside the tenants' feeds."""

from typing import TypeVar
from uuid import UUID

from contracts.domains import DOMAINS
from contracts.message import Event, Message, message

M = TypeVar("M", bound=Message)


class CommandRefused(Event, frozen=True, kw_only=True):
    """A command was refused; nothing was changed."""

    command_id: UUID
    command_type: str
    tenant_id: UUID
    code: str
    detail: str
    field: str = ""


class CommandQuarantined(Event, frozen=True, kw_only=True):
    """A command could not be handled; it waits for a person, who may re-drive it."""

    command_id: UUID
    command_type: str
    tenant_id: UUID
    reason: str


def of_every_domain(base: type[M], name: str) -> dict[str, type[M]]:
    """For each domain a message of its own with the fields of `base`; `name` is like `command.refused`."""

    def made(domain: str) -> type[M]:
        cls = type(f"{domain.title().replace('_', '')}{base.__name__}", (base,), {"__doc__": base.__doc__, "__module__": base.__module__})
        return message(f"{domain}.{name}")(cls)

    return {domain: made(domain) for domain in DOMAINS}


REFUSED: dict[str, type[Event]] = of_every_domain(CommandRefused, "command.refused")
QUARANTINED: dict[str, type[Event]] = of_every_domain(CommandQuarantined, "command.quarantined")
