"""Tenants' shares of the farm: the render domain's own copy of what identity says."""

from consumers.render.rows import SHARES
from consumers.runtime.domain import Context, Decision
from consumers.runtime.state import View
from contracts.farm import LearnShare, ShareLearned
from contracts.identity import TenantCreated, TenantLimitsChanged
from contracts.message import Command


def on_tenant(event: TenantCreated | TenantLimitsChanged, envelope: object) -> list[Command]:
    """A tenant exists, or has other limits."""
    return [LearnShare(render_weight=event.render_weight, max_slots=event.max_slots)]


def learn(cmd: LearnShare, view: View, ctx: Context) -> Decision:
    """Keep the share."""
    known = view.get(SHARES)
    if known is not None and (known.render_weight, known.max_slots) == (cmd.render_weight, cmd.max_slots):
        return []
    return [ShareLearned(render_weight=cmd.render_weight, max_slots=cmd.max_slots)]
