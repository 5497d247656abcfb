"""The two events that every domain has: a refusal and a quarantine, logged under the platform tenant, outside the tenants' feeds."""

from uuid import UUID

from contracts.message import Event, message

DOMAINS = ("identity", "content", "studio", "render", "file_mgr", "notification")
LOG = "log"  # what numbers and keeps the events of all of them; has a schema and a role as a domain has


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


def _of(domain: str, base: type[Event], verb: str) -> type[Event]:
    cls = type(f"{domain.title().replace('_', '')}{base.__name__}", (base,), {"__doc__": base.__doc__, "__module__": __name__})
    return message(f"{domain}.command.{verb}")(cls)


REFUSED: dict[str, type[Event]] = {domain: _of(domain, CommandRefused, "refused") for domain in DOMAINS}
QUARANTINED: dict[str, type[Event]] = {domain: _of(domain, CommandQuarantined, "quarantined") for domain in DOMAINS}
