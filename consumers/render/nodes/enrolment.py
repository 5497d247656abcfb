"""Enrolment: join tokens that work once, the identities that nodes get by them, and nodes that are shut out."""

import hmac
import re
from collections.abc import Iterable
from datetime import timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from msgspec import UNSET

from consumers.render.leases.reporting_node import reporter
from consumers.render.nodes.registration import NODES
from consumers.runtime.domain import Answer, Context, Decide, Decision, Refusal, refuse
from consumers.runtime.projection import create as created
from consumers.runtime.projection import moved
from consumers.runtime.rules import missing
from consumers.runtime.state import Missing, View
from consumers.runtime.table import Table
from contracts.entity import Row
from contracts.envelope import Envelope
from contracts.message import PLATFORM
from contracts.render import enrolment
from contracts.render.enrolment import (
    CreateJoinToken,
    JoinAnswer,
    JoinNode,
    JoinToken,
    JoinTokenAnswer,
    JoinTokenCreated,
    JoinTokenRevoked,
    JoinTokenStateAnswer,
    NodeEnrolled,
    NodeIdentityAnswer,
    NodeRevoked,
    RevokeJoinToken,
    RevokeNode,
)

JOIN_TOKENS, NODE_IDENTITIES = Table.of(enrolment.JOIN_TOKENS), Table.of(enrolment.NODE_IDENTITIES)

LONGEST_NAME, LONGEST_REASON = 100, 200  # characters
SHA256 = re.compile("[0-9a-f]{64}")


def create_token(cmd: CreateJoinToken, view: View, ctx: Context) -> Decision[JoinTokenAnswer]:
    """Let one node join; the answer hands the salt back to the edge, which shows the secret that is made of it."""
    if refusal := _elsewhere(view):
        return refusal
    if not SHA256.fullmatch(cmd.secret_sha256):
        return refuse("join.secret_hash", "the token's hash is not a SHA-256; join tokens are made by the API, not by the caller")
    token_id = ctx.id("join token")
    event = JoinTokenCreated(
        token_id=token_id,
        note=cmd.note,
        secret_sha256=cmd.secret_sha256,
        hint=cmd.hint,
        expires_at=ctx.now + timedelta(seconds=cmd.expires_in),
    )
    body = JoinTokenAnswer(token_id=token_id, note=cmd.note, expires_at=event.expires_at, salt=cmd.salt or UNSET)
    return Answer([event], body)


def revoke_token(cmd: RevokeJoinToken, view: View, ctx: Context) -> Decision[JoinTokenStateAnswer]:
    """End a token; ending it twice is no error, ending a used one ends nothing."""
    if refusal := _elsewhere(view):
        return refusal
    token = view.get(JOIN_TOKENS, cmd.token_id)
    if token is None:
        return refuse("token.not_found", f"there is no join token {cmd.token_id}", "token_id")
    if token.state == "used":
        return refuse("join_token.ended", f"node {token.node_id} has joined by it; revoke that node", "token_id")
    events = [] if token.state == "revoked" else [JoinTokenRevoked(token_id=token.token_id)]
    return Answer(events, JoinTokenStateAnswer(token_id=token.token_id, state="revoked"))


def join(cmd: JoinNode, view: View, ctx: Context) -> Decision[JoinAnswer]:
    """Give a node its identity, once for each token; the node that got it may ask again."""
    if refusal := _elsewhere(view):
        return refusal
    token = view.get(JOIN_TOKENS, cmd.token_id)
    if token is None or not hmac.compare_digest(token.secret_sha256, cmd.token_sha256):
        return refuse("join.unknown_token", f"this join token was never given out (asked for by {cmd.name[:LONGEST_NAME]!r})")
    if token.node_id is not None:
        return _again(token, token.node_id, cmd, view)
    if token.state == "revoked":
        return refuse("join.token_revoked", f"the join token {token.token_id} was revoked at {_at(token.updated_at)}")
    if ctx.now >= token.expires_at:
        return refuse("join.token_expired", f"the join token {token.token_id} has expired at {_at(token.expires_at)}")
    node_id = ctx.id("node")
    event = NodeEnrolled(node_id=node_id, name=cmd.name, token_id=token.token_id, secret_sha256=cmd.secret_sha256)
    return Answer([event], JoinAnswer(node_id=node_id, name=cmd.name))


def _again(token: JoinToken, node_id: UUID, cmd: JoinNode, view: View) -> Decision[JoinAnswer]:
    """Whoever holds the enrolled node's secret is that node, whose answer was lost on its way."""
    identity = view.get(NODE_IDENTITIES, node_id)
    if identity is not None and identity.state == "active" and hmac.compare_digest(identity.secret_sha256, cmd.secret_sha256):
        return Answer([], JoinAnswer(node_id=identity.node_id, name=identity.name))
    return refuse("join.token_used", f"the join token {token.token_id} was used at {_at(token.updated_at)}, by node {node_id}")


def revoke(cmd: RevokeNode, view: View, ctx: Context) -> Decision[NodeIdentityAnswer]:
    """Shut a node out; doing it twice is no error."""
    if refusal := _elsewhere(view):
        return refusal
    view.need(view.at(NODE_IDENTITIES, cmd.node_id), view.at(NODES, cmd.node_id))
    identity = view.get(NODE_IDENTITIES, cmd.node_id)
    if identity is None:
        if view.get(NODES, cmd.node_id) is None:
            return missing(NODES, cmd.node_id)
        detail = "this node's user stands in the broker's configuration; take it out there, or `maintain` the node"
        return refuse("node.not_enrolled", detail, "node_id")
    events = [] if identity.state == "revoked" else [NodeRevoked(node_id=identity.node_id, reason=cmd.reason[:LONGEST_REASON])]
    return Answer(events, NodeIdentityAnswer(node_id=identity.node_id, name=identity.name, state="revoked"))


def admitted(decide: Decide) -> Decide:
    """The same decider, which refuses the reports of nodes that were revoked."""

    @wraps(decide)
    def decided(cmd: Any, view: View, ctx: Context) -> Decision[Any]:
        nodes, node_id = view.of(PLATFORM), reporter(ctx.envelope.actor)
        if node_id is None:
            return decide(cmd, view, ctx)
        try:
            decision = decide(cmd, view, ctx)
        except Missing as missing:  # all in one round; asked for by `at`, as the node's row may be known already
            raise Missing([*missing.wants, nodes.at(NODE_IDENTITIES, node_id)]) from None
        identity = nodes.get(NODE_IDENTITIES, node_id)
        if identity is not None and identity.state == "revoked":
            return refuse("node.revoked", f"node {identity.name} was revoked at {_at(identity.updated_at)}; its reports do not count")
        return decision

    return decided


def enrolled(event: NodeEnrolled, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
    """The identity is made, its token is used up."""
    yield from created(NODE_IDENTITIES, reason="")(event, envelope, view)
    if (token := view.get(JOIN_TOKENS, event.token_id)) is not None:
        yield JOIN_TOKENS, moved(token, envelope, state="used", node_id=event.node_id)


def revoked(event: NodeRevoked, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
    """The identity ends, and with it the registration, if there was one."""
    if (identity := view.get(NODE_IDENTITIES, event.node_id)) is not None:
        yield NODE_IDENTITIES, moved(identity, envelope, state="revoked", reason=event.reason)
    if (node := view.get(NODES, event.node_id)) is not None:
        yield NODES, moved(node, envelope, state="revoked")


def _elsewhere(view: View) -> Refusal | None:
    return None if view.tenant == PLATFORM else refuse("node.tenant", "nodes are enrolled under the platform tenant")


def _at(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
