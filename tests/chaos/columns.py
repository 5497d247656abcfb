"""A column that goes and comes back: what commands need is missing for a while, which is no command's fault."""

import asyncio
import random

import asyncpg

COLUMNS = (("studio.saved_projects", "name"), ("identity.tenant_api_keys", "hint"), ("file_mgr.upload_sessions", "media_type"))
AWAY = (2.0, 5.0)  # seconds
AGAIN = 0.3  # seconds between two tries to bring it back
LOCK = "set lock_timeout = '2s'"  # a statement that waits for the table holds up all behind it
DATABASE_AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


class Columns:
    """Renames columns of event tables as the administrator of the database at `dsn` would by mistake."""

    def __init__(self, dsn: str, chance: random.Random) -> None:
        self._dsn, self._random = dsn, chance
        self._away: asyncio.Task[None] | None = None

    async def take(self) -> asyncio.Task[None] | None:
        """Take one away; what to await until it is back, or None when that could not be done now."""
        if self._away is not None and not self._away.done():
            return None
        table, column = self._random.choice(COLUMNS)
        try:
            await self._run(f"alter table {table} rename column {column} to {column}_away")
        except DATABASE_AWAY:
            return None
        self._away = asyncio.create_task(self._bring_back(table, column, self._random.uniform(*AWAY)))
        return self._away

    async def settle(self) -> None:
        """Until all columns are there."""
        if self._away is not None:
            await self._away

    async def _bring_back(self, table: str, column: str, after: float) -> None:
        await asyncio.sleep(after)
        while True:
            try:
                await self._run(f"alter table {table} rename column {column}_away to {column}")
                return
            except asyncpg.UndefinedColumnError:
                return  # an earlier try did it, and its answer was lost
            except DATABASE_AWAY:
                await asyncio.sleep(AGAIN)

    async def _run(self, statement: str) -> None:
        conn = await asyncpg.connect(self._dsn, timeout=3)
        try:
            await conn.execute(LOCK)
            await conn.execute(statement)
        finally:
            conn.terminate()
