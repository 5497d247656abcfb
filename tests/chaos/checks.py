"""What must hold when all is over: accepted commands, the log, the jobs and the exports of a run's tenants."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from adapters.nats import Connection, api
from adapters.object_store import ObjectStore
from api_edge.auth.signing import key_mark
from consumers.log.log_reader import verify_chain
from contracts.catalogue import EVENTS, LOG_API, decided_streams
from contracts.domains import DOMAINS
from contracts.message import PLATFORM
from deploy.replay import verify
from tests.chaos.client import UNHEARD
from tests.chaos.feed import Feed
from tests.chaos.films import Made
from tests.chaos.foreign import MARK
from tests.chaos.traffic import Accepted

SETTLED_WITHIN = 40.0  # seconds in which all that waits must be gone once nothing is killed any more
EFFECT_OF = {
    "save": ("studio.saved_projects", "evt.studio.saved_project.saved.v1"),
    "key": ("identity.tenant_api_keys", "evt.identity.api_key.created.v1"),
    "upload": ("file_mgr.upload_sessions", "evt.file_mgr.upload.started.v1"),
}
EXPECTED_REFUSALS = {
    "render.stale_lease",
    "render.foreign_segment",
    "render.node_gone",
    "render.not_waiting",
    "render.not_ready",
    "render.ended",
    *UNHEARD,
}


class Checks:
    """`violations` says precisely what does not hold; `figures` is what was counted."""

    def __init__(
        self, conn: asyncpg.Connection, nc: Connection, store: ObjectStore, tenants: Sequence[UUID], since: datetime,
        liars: Sequence[UUID] = (),
    ) -> None:  # fmt: skip
        """What the nodes `liars` said may be set aside and refused."""
        self._liars = [f"node:{node}" for node in liars]
        self._conn, self._nc, self._store, self._tenants, self._since = conn, nc, store, list(tenants), since
        self.violations: list[str] = []
        self.figures: dict[str, int] = {}

    async def settled(self) -> None:
        """Wait until nothing is under way: queues, outboxes, effects, the window on the log."""
        give_up = asyncio.get_running_loop().time() + SETTLED_WITHIN
        while waiting := await self._waiting():
            if asyncio.get_running_loop().time() > give_up:
                self.violations.append(f"after {SETTLED_WITHIN:.0f} s without a kill there still waits: {waiting}")
                return
            await asyncio.sleep(0.2)

    async def _waiting(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for domain in DOMAINS:
            found[f"{domain}.outbox"] = await self._conn.fetchval(f"select count(*) from {domain}.outbox")
            found[f"{domain}.effects"] = await self._conn.fetchval(f"select count(*) from {domain}.effects")
            for stream in decided_streams(domain):
                info = await api(self._nc, f"CONSUMER.INFO.{stream}.{domain}")
                found[f"{domain} in {stream}"] = info["num_pending"] + info["num_ack_pending"]
        head = await self._conn.fetchval("select coalesce(max(position), 0) from log.events")
        found["events to publish"] = head - (await api(self._nc, f"STREAM.INFO.{EVENTS}", prefix=LOG_API))["state"]["last_seq"]
        return {name: count for name, count in found.items() if count}

    async def commands(self, accepted: Sequence[Accepted]) -> None:
        """I1: every accepted command is done, and its effect is there exactly once, in its table and in the log."""
        lost = doubled = 0
        for kind, (table, event) in EFFECT_OF.items():
            mine = [one for one in accepted if one.kind == kind]
            rows = await self._count(f"select name, count(*) from {table} where tenant_id = any($1) and name like 'chaos %' group by name")
            events = await self._count(
                "select body::json->>'name', count(*) from log.events where tenant_id = any($1) and type = $2 group by 1", event
            )
            states = await self._states(mine)
            for one in mine:
                counts = (rows[one.name], events[one.name], states.get(one.key, "nothing"))
                if counts != (1, 1, "done"):
                    lost += counts[0] == 0 or counts[1] == 0
                    doubled += counts[0] > 1 or counts[1] > 1
                    self.violations.append(f"I1: {one} has {counts[0]} rows, {counts[1]} events, and its operation is {counts[2]}")
            surplus = [name for name, count in rows.items() if count > 1]
            if surplus:
                self.violations.append(f"I1: {table} holds twice: {surplus[:5]}")
        self.figures |= {"commands accepted": len(accepted), "commands lost": lost, "commands applied twice": doubled}

    async def _count(self, statement: str, *more: Any) -> Counter[str]:
        return Counter({row[0]: row[1] for row in await self._conn.fetch(statement, self._tenants, *more)})

    async def _states(self, accepted: Sequence[Accepted]) -> dict[str, str]:
        """By key; all keys are of the one API key that the tenant has."""
        keys = await self._conn.fetch("select tenant_id, key_id from identity.tenant_api_keys where name = 'chaos'")
        actors = {row["tenant_id"]: f"key:{row['key_id']}" for row in keys}
        marks = {key_mark(one.tenant, actors[one.tenant], one.key): one.key for one in accepted}
        rows = await self._conn.fetch("select key_hash, state from read.operations where key_hash = any($1)", list(marks))
        return {marks[row["key_hash"]]: row["state"] for row in rows}

    async def log(self) -> None:
        """I2: the chain holds, the window stands where the log ends, every event has a cause that is known."""
        wrong = await verify_chain(self._conn)
        if wrong is not None:
            self.violations.append(f"I2: the hash chain breaks at position {wrong}")
        events = await self._conn.fetchval("select count(*) from log.events")
        twice = await self._conn.fetchval("select count(*) from (select event_id from log.events group by 1 having count(*) > 1) d")
        uncaused = await self._conn.fetch(
            "select position, type, causation_id from log.events e"
            " where not exists (select from read.operations o where o.id = e.causation_id)"
            " and not exists (select from log.events c where c.event_id = e.causation_id) order by position limit 5"
        )
        if twice:
            self.violations.append(f"I2: {twice} events stand in the log twice")
        if uncaused:
            self.violations.append(f"I2: events without a known cause: {[dict(row) for row in uncaused]}")
        self.figures |= {"events": events}

    async def feed(self, feed: Feed) -> None:
        """What listeners heard at every edge is what the log says, and nothing foreign."""
        self.violations += await feed.check(self._conn)
        self.figures |= {"events heard": sum(len(heard) for heard in feed.heard.values())}

    async def quarantine(self) -> None:
        """I8: only what is foreign was set aside, and refusals are only those that faults explain."""
        found = []
        for domain in DOMAINS:
            found += await self._conn.fetch(
                f"select type, outcome->'problem'->>'detail' as why, position($3 in coalesce(body, '')) > 0"
                f" or coalesce(headers->>'ce-actor', '') = any($4) as foreign_one from {domain}.inbox"
                " where state in ('quarantined', 'reopened') and tenant_id = any($1) and decided_at >= $2",
                [*self._tenants, PLATFORM],
                self._since,  # others may have had something set aside on the same stack before
                MARK,
                self._liars,
            )
        rows = [row for row in found if not row["foreign_one"]]
        if rows:
            self.violations.append(f"I8: {len(rows)} commands in quarantine, the first: {dict(rows[0])}")
        refused = await self._conn.fetch(
            "select body::json->>'code' as code, count(*) from log.events where type like 'evt.%.command.refused.v1'"
            " and (body::json->>'tenant_id')::uuid = any($1) and actor <> all($2) group by 1", self._tenants, self._liars,
        )  # fmt: skip
        codes = {row["code"]: row["count"] for row in refused}
        if strange := {code: count for code, count in codes.items() if code not in EXPECTED_REFUSALS}:
            self.violations.append(f"refusals that no fault explains: {strange}")
        self.figures |= {
            "foreign ones quarantined": len(found) - len(rows),
            "quarantined": len(rows),
            "late reports refused": sum(codes.values()),
        }

    async def replay(self, pg_admin_dsn: str) -> None:
        """I5: the log, played into empty tables, gives the same rows."""
        report = await verify(pg_admin_dsn)
        if not report.equal:
            self.violations.append(f"I5: {report.problems[:5]} {[str(one) for one in report.differences[:5]]}")
        self.figures |= {"events replayed": report.events}

    async def films(self, made: Sequence[Made], reference: Sequence[Made]) -> None:
        """I3: every job completed; every export has its frames and is, byte for byte, that of the run without faults."""
        wanted = {one.film: one for one in reference}
        packets = {
            row["job_id"]: row["packets_sha256"]
            for row in await self._conn.fetch("select job_id, packets_sha256 from render.exports where tenant_id = any($1)", self._tenants)
        }
        equal = 0
        for one in made:
            model = wanted[one.film]
            same = (one.frames, packets.get(one.job_id)) == (model.frames, packets.get(model.job_id)) and one.sha256 == model.sha256
            equal += same
            if one.state != "completed":
                self.violations.append(f"I3: the job {one.job_id} ({one.film}) is {one.state}: {one.detail}")
            elif not same:
                self.violations.append(f"I3: the export of {one.job_id} ({one.film}) differs from that of {model.job_id}: {one} {model}")
        self.figures |= {"exports": len(made), "exports equal": equal}

    async def segments(self) -> None:
        """I3: every segment of a job was accepted once, under a lease that its node held, and its bytes lie in the store."""
        twice = await self._conn.fetch(
            "select tenant_id, body::json->>'key' as key, count(*) from log.events where type = 'evt.render.segment.verified.v1'"
            " and tenant_id = any($1) group by 1, 2 having count(*) > 1", self._tenants,
        )  # fmt: skip
        open_jobs = await self._conn.fetch(
            "select job_id, state from render.render_jobs where tenant_id = any($1) and state <> 'completed'", self._tenants
        )
        completed = await self._conn.fetch(
            "select body::json->>'job_id' as job, count(*) from log.events"
            " where type = 'evt.render.job.completed.v1' and tenant_id = any($1)"
            " group by 1 having count(*) > 1", self._tenants,
        )  # fmt: skip
        undone = await self._conn.fetchval(
            "select count(*) from render.job_segments j join render.segments s using (tenant_id, segment_key)"
            " where j.tenant_id = any($1) and s.state <> 'done'", self._tenants,
        )  # fmt: skip
        for what, found in (
            ("segments accepted twice", twice),
            ("jobs that are not completed", open_jobs),
            ("jobs completed twice", completed),
        ):
            if found:
                self.violations.append(f"I3: {what}: {[dict(row) for row in found[:5]]}")
        if undone:
            self.violations.append(f"I3: {undone} segments of completed jobs are not done")

    async def objects(self) -> None:
        """Every object that a row names lies in the store with its size; what is named by none is left over, not lost."""
        rows = await self._conn.fetch(
            "select object_key, bytes from render.segments where tenant_id = any($1) and state = 'done'"
            " union all select object_key, bytes from render.exports where tenant_id = any($1)", self._tenants,
        )  # fmt: skip
        gate = asyncio.Semaphore(16)

        async def look(key: str, size: int) -> None:
            async with gate:
                if (there := await self._store.head(key)) != size:
                    self.violations.append(f"the object {key} has {there} bytes in the store, {size} were reported")

        await asyncio.gather(*(look(row["object_key"], row["bytes"]) for row in rows))
        self.figures |= {"objects": len(rows)}


async def guarded(checks: Checks, *steps: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run checks one after the other; one that cannot be run is a violation too."""
    for step in steps:
        try:
            await step()
        except Exception as error:  # a check that breaks must not hide the others
            checks.violations.append(f"a check could not be made: {error!r}")
