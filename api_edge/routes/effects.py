"""What is still to be done in the world for a tenant, and what it does about that."""

from uuid import UUID

from api_edge.handlers.queries import A_WORD, one_of
from api_edge.routing import CommandRoute, QueryRoute
from api_edge.rows import Versioned
from contracts.domains import DOMAINS
from contracts.effects import STATES, STEER, EffectEnd, EffectState, Lane
from contracts.fields import Moment


class EffectRow(Versioned, frozen=True, kw_only=True):
    """Something that is still to be done in the world: at the store, by mail, upon a payment. What is done is not listed any more.

    `due`: waits for its moment or its lane; `handing`: under way; `unknown`: perhaps done, and asked for or waiting for a person;
    `exhausted`: its tries are used up; `done`: about to be told. `due_at` is when it is looked at next.
    """

    effect_id: UUID
    domain: str
    kind: str
    lane: Lane
    state: EffectState
    ended: EffectEnd
    attempts: int
    paused: bool
    chunks: int
    destination: str
    due_at: Moment


COMMANDS = [
    CommandRoute("POST", f"/v1/effects/{domain}/{{effect_id}}", command, "effects:write", f"Act on an effect of {domain}")
    for domain, command in STEER.items()
]
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/effects",
        "effects",
        "effects:read",
        "List effects that are not over",
        EffectRow,
        keyset=("created_at", "effect_id"),
        filters={"state": one_of(*STATES), "kind": A_WORD, "domain": one_of(*DOMAINS)},
        bounded=True,
    )
]
