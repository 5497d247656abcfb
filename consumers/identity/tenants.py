"""Tenants."""

from consumers.runtime.domain import Answer, Context, Decision, out_of_bounds, refuse
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.identity import tenants
from contracts.identity.tenants import (
    ChangeTenantLimits,
    CreateTenant,
    TenantAnswer,
    TenantCreated,
    TenantLimitsAnswer,
    TenantLimitsChanged,
)

TENANTS = Table.of(tenants.TENANTS)
LIMITS = ("render_weight", "max_slots", "requests_per_second")


def create(cmd: CreateTenant, view: View, ctx: Context) -> Decision[TenantAnswer]:
    """Create the tenant that the command is addressed to."""
    if view.get(TENANTS) is not None:
        return refuse("identity.exists", f"tenant {ctx.tenant} exists already")
    if refusal := out_of_bounds(cmd, "identity.out_of_bounds"):
        return refusal
    created = TenantCreated(
        name=cmd.name, render_weight=cmd.render_weight, max_slots=cmd.max_slots, requests_per_second=cmd.requests_per_second
    )
    return Answer([created], TenantAnswer(tenant_id=ctx.tenant, name=cmd.name))


def change_limits(cmd: ChangeTenantLimits, view: View, ctx: Context) -> Decision[TenantLimitsAnswer]:
    """Change what is given; the farm hears of it by the event."""
    tenant = view.get(TENANTS)
    if tenant is None:
        return refuse("tenant.not_found", f"there is no tenant {ctx.tenant}", retry_for=1.5)
    if refusal := out_of_bounds(cmd, "identity.out_of_bounds"):
        return refusal
    limits = {name: getattr(tenant, name) if (given := getattr(cmd, name)) is None else given for name in LIMITS}
    changed = any(limits[name] != getattr(tenant, name) for name in LIMITS)
    return Answer([TenantLimitsChanged(**limits)] if changed else [], TenantLimitsAnswer(tenant_id=ctx.tenant, **limits))
