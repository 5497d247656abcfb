"""A kept folder is brought to the day on which it is tested, as if it had been killed just now: only what waits for a moment moves."""

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from contracts.domains import DOMAINS
from deploy.local import postgres
from deploy.local.ports import remembered
from deploy.local.secret_store import SecretStore
from deploy.local.supervisor import Keeper

STARTS_WITHIN = 60.0  # seconds
WAITING = {"inbox": "decided_at", "effects": "due_at", "timers": "due_at"}  # work tables; no event is touched


async def bring_to_today(data: Path, made: datetime) -> None:
    """Move each moment by the time since `made`, on a PostgreSQL alone, which is killed again afterwards."""
    password = SecretStore(data / "secrets.json").get("postgres.admin")
    with tempfile.TemporaryDirectory() as temporary:
        log = Path(temporary) / "postgres.log"
        server = postgres.Postgres(data / "postgres", remembered(Path(temporary) / "ports.json", postgres.PORTS), password, log)
        keeper = Keeper(server.program, log, lambda text: None)
        process = await keeper.start()
        try:
            async with asyncio.timeout(STARTS_WITHIN):
                while not await server.is_ready():
                    assert process.exit_code is None, log.read_text()
                    await asyncio.sleep(0.02)
            await _move(server.dsn(postgres.ADMIN, password), made)
        finally:
            await process.kill()
            server.clean()


async def _move(dsn: str, made: datetime) -> None:
    conn = await asyncpg.connect(dsn)
    past = datetime.now(UTC) - made
    for domain in DOMAINS:
        for table, column in WAITING.items():
            await conn.execute(f"update {domain}.{table} set {column} = {column} + $1", past)
    await conn.close()
