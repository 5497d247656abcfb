"""Applying commands where years of them were applied before: beside the same where none were, also right after a checkpoint."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

import asyncpg
import msgspec

from benchmarks.apply import applied, keys, publish
from benchmarks.figures import Bound, Figure, figure, median
from benchmarks.filling import SPAN, fill, without_checks
from benchmarks.ground import Ground, servers
from contracts.envelope import Envelope
from contracts.ids import hashed_id
from contracts.message import Command

ROWS, QUICK, KEPT = 1_000_000, 200_000, 10_000_000
TENANTS = [UUID(int=number) for number in range(0xA000, 0xA032)]
KEYED = 10  # one in so many operations that are there was asked for with an Idempotency-Key, whose id is a hash
BOUNDS = (Bound("ratio", least=0.9),)
LIMIT = "as `apply`; what is random costs a page of 8 KB of the log after each checkpoint, of which only keys have some left"
OUTCOME = """'{"command_id": "019ad0c4-2c51-7d33-9e7c-3f2f0d7c6f11", "tenant_id": "00000000-0000-0000-0000-00000000a000", "state": "done",
 "body": {"key_id": "019ad0c4-2c51-8d33-9e7c-3f2f0d7c6f12"}, "decided_at": "2026-01-01T00:00:00+00:00"}'"""
TENANT = f"('{{{','.join(map(str, TENANTS))}}}'::uuid[])[n % {len(TENANTS)} + 1]"
IN_TIME = "uuidv7(at - now())"
FILLED = {
    "identity.inbox": {
        "tenant_id": TENANT, "id": f"case when n % {KEYED} = 0 then gen_random_uuid() else {IN_TIME} end", "state": "'done'",
        "type": "'cmd.identity.api_key.create.v1'", "outcome": OUTCOME, "decided_at": "at", "events": "1",
        "key_hash": f"case when n % {KEYED} = 0 then md5(n::text) else '' end",
    },
    "identity.tenant_api_keys": {
        "tenant_id": TENANT, "key_id": IN_TIME, "name": "'a key'", "scopes": """'["*"]'""", "secret_sha256": "md5(n::text) || md5(n::text)",
        "hint": "'0000'", "state": "'active'", "format": "2",
    },
}  # fmt: skip
Commands = Callable[[int], Iterator[tuple[Command, Envelope]]]


class Run(NamedTuple):
    """Commands per second, and full-page images a command."""

    rate: float
    images: float


async def measure(quick: bool) -> list[Figure]:
    """Commands per second with a million rows, those with keys by themselves, and the full-page images a command after a checkpoint."""
    async with servers() as empty, servers() as aged:
        await _fill(aged, QUICK if quick else ROWS)
        return await _compare(empty, aged, *((2, 4_000) if quick else (3, 12_000)))


async def measure_kept(folder: Path) -> list[Figure]:
    """The same with ten million in a folder that is kept; it is filled when it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "aged.json"
    async with servers() as empty, servers(folder / "data") as aged:
        if not note.exists() or msgspec.json.decode(note.read_bytes()) != KEPT:
            await _fill(aged, KEPT)
            note.write_bytes(msgspec.json.encode(KEPT))
        return await _compare(empty, aged, 3, 12_000)


async def _fill(ground: Ground, rows: int) -> None:
    admin = await asyncpg.connect(ground.servers.pg_admin_dsn)
    await without_checks(admin)
    for table, given in FILLED.items():
        # Emptied in the transaction that fills it, a table is not written to the log as well.
        async with admin.transaction():
            await admin.execute(f"truncate {table}")
            await fill(admin, table, TENANTS[0], rows, datetime.now(UTC) - SPAN, given)
        await admin.execute(f"vacuum (analyze) {table}")
    await admin.close()


async def _compare(empty: Ground, aged: Ground, rounds: int, commands: int) -> list[Figure]:
    sides = [await _Side.of(empty, keeps=False), await _Side.of(aged, keeps=True)]
    for side in sides:
        await side.run(_plain, commands // 4)  # plans, caches
    kinds: dict[str, tuple[Commands, bool]] = {
        "aged": (_plain, False), "aged.checkpoint": (_plain, True), "aged.keyed.checkpoint": (_keyed, True)
    }  # fmt: skip
    found: dict[str, list[list[Run]]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, (made, checkpoint) in kinds.items():
            found[name].append([await side.run(made, commands, checkpoint=checkpoint) for side in sides])
    for side in sides:
        await side.close()
    figures = [_rates(name, runs, () if "keyed" in name else BOUNDS) for name, runs in found.items()]
    return figures + [_images(name, runs) for name, runs in found.items() if kinds[name][1]]


def _rates(name: str, runs: list[list[Run]], bounds: tuple[Bound, ...]) -> Figure:
    ratio = median([after.rate / before.rate for before, after in runs])
    before, after = (median([run[side].rate for run in runs]) for side in (0, 1))
    return figure(name, after, "commands/s", before, bounds, LIMIT, ratio=ratio)


def _images(name: str, runs: list[list[Run]]) -> Figure:
    before, after = (median([run[side].images for run in runs]) for side in (0, 1))
    return figure(f"{name}.images", after, "pages/command", before, (), LIMIT)


class _Side:
    """One of the two that are compared."""

    def __init__(self, ground: Ground, admin: asyncpg.Connection, *, keeps: bool) -> None:
        self._ground, self._admin, self._keeps = ground, admin, keeps

    @classmethod
    async def of(cls, ground: Ground, *, keeps: bool) -> "_Side":
        admin = await asyncpg.connect(ground.servers.pg_admin_dsn)
        row = "insert into identity.tenants values ($1, 1, now(), now(), 'Bench', 1, 64, 1000) on conflict do nothing"
        await admin.executemany(row, [(tenant,) for tenant in TENANTS])
        return cls(ground, admin, keeps=keeps)

    async def run(self, made: Commands, commands: int, *, checkpoint: bool = False) -> Run:
        """Apply so many commands; what is to stay empty is emptied before."""
        await self._admin.execute("truncate identity.outbox")
        if not self._keeps:
            await self._admin.execute("truncate identity.inbox, identity.tenant_api_keys")
        await publish(self._ground, made(commands))
        if checkpoint:
            await self._admin.execute("checkpoint")
        before = await self._written()
        rate = await applied(self._ground, commands)
        await asyncio.sleep(1.1)  # until the server's processes have told their counts
        return Run(rate, (await self._written() - before) / commands)

    async def _written(self) -> int:
        return int(await self._admin.fetchval("select wal_fpi from pg_stat_wal"))

    async def close(self) -> None:
        """End the connection."""
        await self._admin.close()


def _plain(count: int) -> Iterator[tuple[Command, Envelope]]:
    return keys(TENANTS, count)


def _keyed(count: int) -> Iterator[tuple[Command, Envelope]]:
    """As requests with an Idempotency-Key come: their ids are hashes, and so is that by which the key is found."""
    for command, envelope in keys(TENANTS, count):
        id = hashed_id("bench", str(uuid4()))
        yield command, msgspec.structs.replace(envelope, id=id, correlation=id, causation=id, key_hash=id.hex)
