"""Tenants, and what each may use at once."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from contracts.entity import Entity, Row
from contracts.message import Command, Event, message
from contracts.visibility import Public

Weight = Annotated[int, Meta(ge=1, le=100)]
Slots = Annotated[int, Meta(ge=1, le=10_000)]
Rate = Annotated[int, Meta(ge=1, le=100_000)]


class TenantAnswer(Struct, frozen=True, kw_only=True):
    """A new tenant."""

    tenant_id: UUID
    name: str


class TenantLimitsAnswer(Struct, frozen=True, kw_only=True):
    """The limits that a tenant has now."""

    tenant_id: UUID
    render_weight: int
    max_slots: int
    requests_per_second: int


class Tenant(Row, frozen=True, kw_only=True):
    """A reseller, or the default tenant."""

    name: Public[str]
    render_weight: Public[Weight]
    max_slots: Public[Slots]
    requests_per_second: Public[Rate]


TENANTS = Entity("identity.tenants", Tenant, key=(), about="the root of tenancy: resellers and the default tenant", newest=False)


@message("identity.tenant.create")
class CreateTenant(Command[TenantAnswer], frozen=True, kw_only=True):
    """Create the tenant that the message is addressed to."""

    name: str
    render_weight: Weight = 1  # share of the farm against other tenants
    max_slots: Slots = 64  # slots of the farm at once
    requests_per_second: Rate = 200


@message("identity.tenant.created", public=True)
class TenantCreated(Event, frozen=True, kw_only=True):
    """A tenant exists."""

    name: Public[str]
    render_weight: Public[int]
    max_slots: Public[int]
    requests_per_second: Public[int]


@message("identity.tenant.change_limits")
class ChangeTenantLimits(Command[TenantLimitsAnswer], frozen=True, kw_only=True):
    """Change a tenant's share of the farm or its rate; what is not given stays."""

    render_weight: Weight | None = None
    max_slots: Slots | None = None
    requests_per_second: Rate | None = None


@message("identity.tenant.limits_changed", public=True)
class TenantLimitsChanged(Event, frozen=True, kw_only=True):
    """A tenant has these limits from now on."""

    render_weight: Public[int]
    max_slots: Public[int]
    requests_per_second: Public[int]
