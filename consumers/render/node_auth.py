"""Node auth: says to nats-server whether an enrolled node may come in, and ends the connections of nodes that were revoked.

Several may run: the server asks one of them. Nodes that are in stay in while none runs; nobody new comes in then.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Coroutine, Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from nats import errors
from nats.aio.msg import Msg

import sql
from adapters.nats import ApiError, Connection, StreamError, api, ensure_consumer
from adapters.nats.callout import Asked, Issuer, asked_of
from consumers.runtime.connection import DATABASE_AWAY, POOL_WAIT
from consumers.runtime.genuine import genuine
from consumers.runtime.pool import Pool
from contracts.catalogue import AUTH, NODES, node_consumer, node_of, node_role, revocations_subject
from contracts.message import PLATFORM, decode
from contracts.render.enrolment import NodeRevoked

log = logging.getLogger(__name__)
_q = sql.load("render")
PROVIDED_WITHIN = 0.5  # seconds that a login waits for its consumer
AT_ONCE = 100  # logins that one look into the database serves
PAGE = 256  # connections that a server lists at once
ROUND = 30.0  # seconds between two looks at all connections: what was revoked while nobody listened
LOOKS = (0.0, 0.3, 1.5)  # seconds after a revocation at which its connections are looked for: one may be coming in just then
GONE = 2.0  # seconds after it that its consumer is removed


class Waiting(NamedTuple):
    """A login that the server waits for."""

    asked: Asked
    node_id: UUID
    msg: Msg


class NodeAuth:
    """`nc` is the role `gate`'s connection, `system` the role `system`'s; `pool` may read the render domain's tables."""

    def __init__(self, nc: Connection, system: Connection, pool: Pool, issuer: Issuer) -> None:
        self._nc, self._system, self._pool, self._issuer = nc, system, pool, issuer
        self._waiting: list[Waiting] = []
        self._arrived = asyncio.Event()
        self._provided: set[UUID] = set()  # nodes whose consumer is known to be there
        self._listing = ""
        self._complaint = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve for ever."""
        self._listing = self._system.new_inbox()
        await self._system.subscribe(f"{self._listing}.*", cb=self._listed)
        await self._nc.subscribe(revocations_subject(), cb=self._revoked)
        await self._nc.subscribe(AUTH, queue="gate", cb=self._ask)
        for nc in (self._nc, self._system):
            nc.on_back.add(self._look)
        await asyncio.gather(self._answer_all(), self._go_round())

    async def _ask(self, msg: Msg) -> None:
        try:
            asked = asked_of(msg.data)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            log.warning("a login that the server asks about cannot be read: %r", error)
            return
        node_id = node_of(asked.user)
        if node_id is None:
            await _say(msg, self._issuer.refuse(asked, "no such user"))
            return
        self._waiting.append(Waiting(asked, node_id, msg))
        self._arrived.set()

    async def _answer_all(self) -> None:
        while True:
            await self._arrived.wait()
            batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            if not self._waiting:
                self._arrived.clear()
            try:
                await self._answer(batch)
            except (asyncpg.PostgresError, *DATABASE_AWAY, StreamError) as error:  # the server refuses them after a second; they come again
                log.warning("%d logins of nodes cannot be answered: %s", len(batch), error)

    async def _answer(self, batch: Sequence[Waiting]) -> None:
        rows = await self._rows(_q.node_identities, [one.node_id for one in batch])
        known = {row["node_id"]: row for row in rows}
        for one in batch:
            if why := _against(one.asked, known.get(one.node_id)):
                self._complain(f"node auth refuses node {one.node_id}: {why}")
                await _say(one.msg, self._issuer.refuse(one.asked, why))
            elif one.node_id in self._provided:
                await self._admit(one)
            else:
                self._begin(self._admit_first(one))

    def _complain(self, text: str) -> None:
        """Say it once: who is refused comes again ten times a second."""
        if text != self._complaint:
            self._complaint = text
            log.warning(text)

    async def _admit(self, one: Waiting) -> None:
        role = node_role(one.node_id)
        await _say(one.msg, self._issuer.admit(one.asked, NODES, role.publish, role.subscribe))

    async def _admit_first(self, one: Waiting) -> None:
        """Let a node in that this process has not seen yet: its consumer is made before, unless that takes longer than the server waits."""
        making = self._begin(self._provide(one.node_id))
        await asyncio.wait({making}, timeout=PROVIDED_WITHIN)
        await self._admit(one)

    async def _provide(self, node_id: UUID) -> None:
        """Make the consumer by which the node gets its work; should that fail, the next login tries again."""
        try:
            await ensure_consumer(self._nc, *node_consumer(node_id))
            self._provided.add(node_id)
        except StreamError as error:
            log.warning("node %s has no consumer of work yet: %s", node_id, error)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _revoked(self, msg: Msg) -> None:
        try:
            is_genuine = await genuine(self._pool)
        except StreamError as error:
            log.warning("a revocation cannot be checked just now; the next round finds it: %s", error)
            return
        if not is_genuine(int((msg.headers or {}).get("Nats-Sequence", "0")), msg.headers, msg.data):
            log.error("a message on %s is not the log's; it is passed over", msg.subject)
            return
        event = decode((msg.headers or {})["ce-type"], msg.data)
        assert isinstance(event, NodeRevoked)
        self._begin(self._cut(event.node_id))

    async def _cut(self, node_id: UUID) -> None:
        passed = 0.0
        for moment in LOOKS:
            await asyncio.sleep(moment - passed)
            passed = moment
            await self._list({"auth": True, "acc": NODES, "user": node_role(node_id).name, "limit": PAGE})
        await asyncio.sleep(GONE - passed)
        await self._remove(node_id)

    async def _remove(self, node_id: UUID) -> None:
        self._provided.discard(node_id)
        stream, config = node_consumer(node_id)
        try:
            await api(self._nc, f"CONSUMER.DELETE.{stream}.{config['durable_name']}")
        except ApiError:  # it is gone already
            return
        except StreamError as error:
            log.warning("the consumer of node %s stays: %s", node_id, error)

    async def _go_round(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(ROUND)

    async def _look(self) -> None:
        """Have every server list the nodes' connections."""
        await self._list({"auth": True, "acc": NODES, "limit": PAGE})

    async def _list(self, wanted: dict[str, Any], server: str = "PING") -> None:
        try:
            reply = f"{self._listing}.{'one' if 'user' in wanted else 'all'}"
            await self._system.publish(f"$SYS.REQ.SERVER.{server}.CONNZ", json.dumps(wanted).encode(), reply=reply)
        except errors.Error as error:  # the connection is away: its return looks again
            log.warning("connections cannot be listed just now: %r", error)

    async def _listed(self, msg: Msg) -> None:
        """One server's connections: those of revoked nodes are ended."""
        answer = json.loads(msg.data)
        server, data = answer["server"]["id"], answer.get("data") or {}
        connections = data.get("connections") or []
        found = {one["cid"]: node_id for one in connections if (node_id := node_of(str(one.get("authorized_user", ""))))}
        try:
            rows = await self._rows(_q.revoked_nodes, list(set(found.values()))) if found else []
        except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
            log.warning("whether connected nodes were revoked cannot be asked just now: %s", error)
            return
        gone = {row["node_id"] for row in rows}
        for cid, node_id in found.items():
            if node_id in gone:
                log.info("the connection of the revoked node %s is ended", node_id)
                body = json.dumps({"cid": cid}).encode()
                await self._system.publish(f"$SYS.REQ.SERVER.{server}.KICK", body, reply=f"{self._listing}.kick.done")
        if msg.subject.endswith(".all") and (to := data.get("offset", 0) + len(connections)) < data.get("total", 0) and connections:
            await self._list({"auth": True, "acc": NODES, "limit": PAGE, "offset": to}, server)

    async def _rows(self, query: str, node_ids: list[UUID]) -> list[Any]:
        async with self._pool.acquire(timeout=POOL_WAIT) as conn, conn.transaction(readonly=True):
            await conn.execute("select set_config('app.tenants', $1, true)", str(PLATFORM))
            return list(await conn.fetch(query, PLATFORM, node_ids))


async def _say(msg: Msg, answer: bytes) -> None:
    try:
        await msg.respond(answer)
    except errors.Error as error:  # the connection is away: the server refuses the login, and it comes again
        log.warning("a login of a node cannot be answered: %s", error)


def _against(asked: Asked, row: Any) -> str:
    """Why this login is refused, or nothing."""
    if row is None:
        return "this node was never enrolled"
    if row["state"] == "revoked":
        return "this node was revoked"
    given = sha256(asked.password.encode("utf-8", "surrogateescape")).hexdigest()
    return "" if hmac.compare_digest(given, row["secret_sha256"]) else "this is not the node's secret"
