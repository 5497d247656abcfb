"""Reservations: what may exist once among all tenants is decided under the platform tenant, wherever its holder's own rows are.

A domain may come to run in partitions of tenants, none of which sees another's rows: then a unique index over all tenants exists nowhere.
The platform's rows lie in one partition, so that whoever comes first there has it.
"""

from consumers.runtime.domain import Answer, Context, Decision, refuse
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts import identity
from contracts.identity import Release, Released, Reserve, Reserved
from contracts.message import PLATFORM

RESERVATIONS = Table.of(identity.RESERVATIONS)
LONGEST = 200  # characters


def reserve(cmd: Reserve, view: View, ctx: Context) -> Decision:
    """Give it to who asks first; who has it already is told so."""
    if ctx.tenant != PLATFORM:
        return refuse("identity.forbidden", "reservations are the platform's")
    for name, text in (("kind", cmd.kind), ("mark", cmd.mark)):
        if not 0 < len(text) <= LONGEST:
            return refuse("identity.out_of_bounds", f"a reservation's {name} has 1 to {LONGEST} characters", name)
    row = view.get(RESERVATIONS, cmd.kind, cmd.mark)
    body = {"kind": cmd.kind, "mark": cmd.mark, "holder": cmd.holder}
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
        return refuse("identity.not_found", f"{cmd.holder} has no {cmd.kind} of this mark", "mark")
    return [Released(kind=cmd.kind, mark=cmd.mark, holder=cmd.holder)]
