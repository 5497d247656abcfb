"""Tenants."""

from consumers.identity.rows import TENANTS
from consumers.runtime.domain import Answer, Context, Decision, refuse
from consumers.runtime.state import View
from contracts.identity import CreateTenant, TenantCreated

BOUNDS = {"render_weight": (1, 100), "max_slots": (1, 10_000), "requests_per_second": (1, 100_000)}


def create(cmd: CreateTenant, view: View, ctx: Context) -> Decision:
    """Create the tenant that the command is addressed to."""
    if view.get(TENANTS) is not None:
        return refuse("identity.exists", f"tenant {ctx.tenant} exists already")
    for field, (low, high) in BOUNDS.items():
        if not low <= getattr(cmd, field) <= high:
            return refuse("identity.out_of_bounds", f"{field} must be {low} to {high}", field)
    created = TenantCreated(
        name=cmd.name, render_weight=cmd.render_weight, max_slots=cmd.max_slots, requests_per_second=cmd.requests_per_second
    )
    return Answer([created], {"tenant_id": ctx.tenant, "name": cmd.name})
