"""Tenants' shares of the farm: the render domain's own copy of what identity says."""

from collections.abc import Iterable
from typing import Any

from consumers.render.rows import SHARES
from consumers.runtime.domain import Context, Decision
from consumers.runtime.projection import fresh, moved
from consumers.runtime.state import View
from consumers.runtime.table import Row, Table
from contracts.envelope import Envelope
from contracts.farm import LearnShare, ShareLearned
from contracts.identity import TenantCreated, TenantLimitsChanged
from contracts.message import Command

OfTenants = TenantCreated | TenantLimitsChanged


def fold_share(event: OfTenants, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
    """A tenant exists, or has other limits."""
    known, values = view.get(SHARES), {"render_weight": event.render_weight, "max_slots": event.max_slots}
    if known is None:
        yield SHARES, fresh(SHARES, envelope, values)
    elif (known.render_weight, known.max_slots) != (event.render_weight, event.max_slots):
        yield SHARES, moved(known, envelope, **values)


def on_tenant(event: OfTenants, envelope: object) -> list[Command]:
    """How earlier releases learned of a share."""
    return [LearnShare(render_weight=event.render_weight, max_slots=event.max_slots)]


def learn(cmd: LearnShare, view: View, ctx: Context) -> Decision:
    """Keep the share, of an earlier release's queue; what is known was said later."""
    if view.get(SHARES) is not None:
        return []
    return [ShareLearned(render_weight=cmd.render_weight, max_slots=cmd.max_slots)]
