"""Tenants."""

from consumers.runtime.domain import Answer, Context, Decision, Refusal, refuse
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts import identity
from contracts.identity import ChangeTenantLimits, CreateTenant, TenantCreated, TenantLimitsChanged

TENANTS = Table.of(identity.TENANTS)
BOUNDS = {"render_weight": (1, 100), "max_slots": (1, 10_000), "requests_per_second": (1, 100_000)}


def create(cmd: CreateTenant, view: View, ctx: Context) -> Decision:
    """Create the tenant that the command is addressed to."""
    if view.get(TENANTS) is not None:
        return refuse("identity.exists", f"tenant {ctx.tenant} exists already")
    if refusal := _out_of_bounds(cmd):
        return refusal
    created = TenantCreated(
        name=cmd.name, render_weight=cmd.render_weight, max_slots=cmd.max_slots, requests_per_second=cmd.requests_per_second
    )
    return Answer([created], {"tenant_id": ctx.tenant, "name": cmd.name})


def change_limits(cmd: ChangeTenantLimits, view: View, ctx: Context) -> Decision:
    """Change what is given; the farm hears of it by the event."""
    tenant = view.get(TENANTS)
    if tenant is None:
        return refuse("identity.not_found", f"there is no tenant {ctx.tenant}", patience=1.5)
    if refusal := _out_of_bounds(cmd):
        return refusal
    limits = {name: getattr(tenant, name) if (given := getattr(cmd, name)) is None else given for name in BOUNDS}
    changed = any(limits[name] != getattr(tenant, name) for name in BOUNDS)
    return Answer([TenantLimitsChanged(**limits)] if changed else [], {"tenant_id": ctx.tenant, **limits})


def _out_of_bounds(cmd: CreateTenant | ChangeTenantLimits) -> Refusal | None:
    for field, (low, high) in BOUNDS.items():
        value = getattr(cmd, field)
        if value is not None and not low <= value <= high:
            return refuse("identity.out_of_bounds", f"{field} must be {low} to {high}, not {value}", field)
    return None
