"""Effects of every domain, read from their tables; and a person's act on one, as a command whose outcome is read from its operation."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from adapters.nats import connect
from cli.errors import Mistake
from cli.quarantine import settings_of
from consumers.runtime.store import Store
from contracts.audit import DOMAINS
from contracts.bounds import broken
from contracts.effects import STEER, EffectAct, EffectEnd, EffectState
from contracts.envelope import first
from contracts.outcome import Outcome
from producers.publisher import Publisher, PublishFailed

WITHIN, LOOK = 20.0, 0.1  # seconds until a command must have been decided, and between two looks


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One effect as an operator sees it; `claimed`: under way."""

    domain: str
    tenant_id: UUID
    id: UUID
    kind: str
    lane: str
    state: EffectState
    ended: EffectEnd
    owing: bool
    attempts: int
    asks: int
    paused: bool
    chunks: int
    destination: str
    claimed: bool
    due_at: datetime
    created_at: datetime
    updated_at: datetime
    last_error: str


async def found(conn: asyncpg.Connection, state: str | None, kind: str | None, domain: str | None, limit: int) -> list[Effect]:
    """Those of all tenants, the oldest first. Raises Mistake for a domain that is none."""
    if domain is not None and domain not in DOMAINS:
        raise Mistake("effects.domain", f"there is no domain {domain!r}", "--domain", f"There are {', '.join(DOMAINS)}.")
    rows: list[Effect] = []
    for name in DOMAINS if domain is None else (domain,):
        store = Store(conn, name)
        rows += [Effect(domain=name, **dict(row)) for row in await conn.fetch(store.q.effects, state, kind, limit)]
    return sorted(rows, key=lambda row: row.created_at)


def told(row: Effect) -> str:
    """A line about an effect, and one about what went wrong last."""
    marks = [word for word, there in (("paused", row.paused), ("under way", row.claimed), ("to be told", row.owing)) if there]
    what = f"{row.domain}.{row.kind} {' '.join((row.state, *marks))}, try {row.attempts}"
    more = f", {row.chunks} chunks" if row.chunks else ""
    line = f"{row.id}  {row.created_at:%Y-%m-%d %H:%M:%S}  {what}{more}, tenant {row.tenant_id}"
    return f"{line}\n    {row.last_error}" if row.last_error else line


async def counts(conn: asyncpg.Connection) -> list[dict[str, Any]]:
    """How many there are of each kind in each state, and for how many seconds the oldest has been there."""
    return [{"domain": name, **dict(row)} for name in DOMAINS for row in await conn.fetch(Store(conn, name).q.effect_counts)]


async def steer(conn: asyncpg.Connection, nats_url: str, effect: UUID, act: EffectAct, reason: str) -> str:
    """Have a person's act decided; a sentence about what came of it. Raises Mistake with what to do instead."""
    domain, tenant = await _owner(conn, effect)
    command = STEER[domain](effect_id=effect, act=act, reason=reason)  # type: ignore[call-arg]
    for field, wrong in broken(command):
        raise Mistake("effects.invalid", f"{field} {wrong}", f"--{field}")
    envelope = first(command, tenant=tenant, actor="operator")
    nc = await connect(settings_of(nats_url), "flatrender effects", within=10)
    try:
        await Publisher(nc).publish(command, envelope)
    except PublishFailed as error:
        raise Mistake("effects.unsent", f"the command could not be sent: {error}", remedy="Try again.") from error
    finally:
        await nc.close()
    outcome = await _outcome(conn, domain, tenant, envelope.id)
    if outcome.problem is not None:
        raise Mistake(outcome.problem.code, outcome.problem.detail, remedy="`flatrender effects list` shows its state.")
    body = msgspec.json.decode(outcome.body)
    return f"{domain}.{body['kind']} {effect} was {body['was']} and is {body['state']}"


async def _owner(conn: asyncpg.Connection, effect: UUID) -> tuple[str, UUID]:
    for domain in DOMAINS:
        if tenant := await conn.fetchval(f"select tenant_id from {domain}.effects where id = $1", effect):
            return domain, tenant
    raise Mistake(
        "effects.not_found",
        f"no effect {effect} is left; it may be done",
        "ID",
        "`flatrender effects list` shows what is to be done.",
    )


async def _outcome(conn: asyncpg.Connection, domain: str, tenant: UUID, command: UUID) -> Outcome:
    give_up = asyncio.get_running_loop().time() + WITHIN
    while asyncio.get_running_loop().time() < give_up:
        rows = await conn.fetch(Store(conn, domain).q.seen, [tenant], [command])
        if rows:
            return msgspec.json.decode(rows[0]["outcome"], type=Outcome)
        await asyncio.sleep(LOOK)
    raise Mistake(
        "effects.undecided",
        f"{domain} has not decided it within {WITHIN:.0f} s; it will when it can",
        remedy="See `flatrender doctor`.",
    )
