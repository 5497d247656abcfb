"""Reservations: what may exist once among all tenants is decided under the platform tenant, wherever its holder's own rows are.

A domain may come to run in partitions of tenants, none of which sees another's rows: then a unique index over all tenants exists nowhere.
The platform's rows lie in one partition, so that whoever comes first there has it.
"""

from consumers.runtime.domain import Answer, Context, Decision, out_of_bounds, refuse
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.identity import reservations
from contracts.identity.reservations import Release, Released, ReservationAnswer, Reserve, Reserved
from contracts.message import PLATFORM

RESERVATIONS = Table.of(reservations.RESERVATIONS)


def reserve(cmd: Reserve, view: View, ctx: Context) -> Decision[ReservationAnswer]:
    """Give it to who asks first; who has it already is told so."""
    if ctx.tenant != PLATFORM:
        return refuse("identity.forbidden", "reservations are the platform's")
    if refusal := out_of_bounds(cmd, "identity.out_of_bounds"):
        return refusal
    row = view.get(RESERVATIONS, cmd.kind, cmd.mark)
    body = ReservationAnswer(kind=cmd.kind, mark=cmd.mark, holder=cmd.holder)
    if row is None or row.state == "free":
        return Answer([Reserved(kind=cmd.kind, mark=cmd.mark, holder=cmd.holder)], body)
    if row.holder == cmd.holder:
        return Answer([], body)
    return refuse("identity.exists", f"this {cmd.kind} is taken; choose another", "mark")


def release(cmd: Release, view: View, ctx: Context) -> Decision:
    """Let go of it; only its holder can."""
    if ctx.tenant != PLATFORM:
        return refuse("identity.forbidden", "reservations are the platform's")
    row = view.get(RESERVATIONS, cmd.kind, cmd.mark)
    if row is None or row.state == "free" or row.holder != cmd.holder:
        return refuse("reservation.not_found", f"{cmd.holder} has no {cmd.kind} of this mark", "mark")
    return [Released(kind=cmd.kind, mark=cmd.mark, holder=cmd.holder)]
