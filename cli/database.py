"""The stack's PostgreSQL for commands that need nothing else: the one that runs, or one started from the data folder for the run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import asyncpg

from adapters.object_store import ObjectStore
from cli.errors import Mistake
from cli.service import Facts, running
from deploy.local import leftovers, logs, nats_server, ports, postgres, seaweed
from deploy.local.errors import explained
from deploy.local.folder import DataFolder, default_folder
from deploy.local.process import Process
from deploy.local.secret_store import SecretStore

READY_WITHIN = 30.0  # seconds
BUCKET = "flatrender"


class Database(NamedTuple):
    """An administrator's address; `facts` are there when the whole stack runs, `data` when it is a stack of this machine."""

    dsn: str
    data: Path | None = None
    facts: Facts | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection that serves all tenants. Raises Mistake when the database cannot be reached."""
        try:
            conn = await asyncpg.connect(self.dsn, server_settings={"timezone": "UTC", "application_name": "flatrender cli"}, timeout=10)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, TimeoutError) as error:
            raise Mistake(
                "database.unreachable", f"PostgreSQL cannot be reached: {error}", "--pg-dsn", "Check the address and password."
            ) from error
        try:
            await conn.execute("set app.tenants = '*'")
            yield conn
        finally:
            await conn.close()

    async def store(self, stack: AsyncExitStack) -> ObjectStore | None:
        """Object storage, where the log's archives lie; None when it does not run."""
        if self.data is None or self.facts is None:
            return None
        secrets = SecretStore(self.data / "secrets.json")
        store = ObjectStore(self.facts.s3_url, BUCKET, secrets.get("s3.access_key"), secrets.get("s3.secret_key"))
        return await stack.enter_async_context(store)


@asynccontextmanager
async def database(data: Path | None, dsn: str | None) -> AsyncIterator[Database]:
    """The database of a stack, or of an address; what was started is stopped at the end. Raises Mistake, StackError."""
    if dsn:
        yield Database(dsn)
        return
    place = (data or default_folder()).absolute()
    if facts := await running(place):
        yield Database(facts.pg_dsn, place, facts)
        return
    if not (place / "postgres" / "PG_VERSION").exists():
        raise Mistake(
            "data.empty", f"{place} is not the data folder of a FlatRender that ran", "--data", "Name the folder that `flatrender up` used."
        )
    folder = DataFolder(place)
    folder.open()
    try:
        with explained(place):
            async with _started(place) as started:
                yield Database(started, place)
    finally:
        folder.close()


@asynccontextmanager
async def _started(place: Path) -> AsyncIterator[str]:
    leftovers.end(place / "run" / "pids.json")
    # All names, as the whole stack asks for them: a port that is left out would be forgotten.
    names = (*nats_server.PORTS, *postgres.PORTS, *seaweed.PORTS)
    chosen = ports.remembered(place / "ports.json", names, with_grpc=seaweed.PORTS)
    password = SecretStore(place / "secrets.json").get("postgres.admin")
    log = place / "logs" / "postgres.log"
    server = postgres.Postgres(place / "postgres", chosen, password, log)
    process = Process(await server.program(), log)
    try:
        process.start()
        await _until_ready(server, process, log)
        yield server.dsn(postgres.ADMIN, password)
    finally:
        await process.stop()
        server.clean()


async def _until_ready(server: postgres.Postgres, process: Process, log: Path) -> None:
    give_up = asyncio.get_running_loop().time() + READY_WITHIN
    while not await server.is_ready():
        if process.exit_code is not None or asyncio.get_running_loop().time() > give_up:
            raise Mistake("database.not_ready", f"PostgreSQL did not start. Its last lines:\n{logs.tail(log)}", remedy=f"See {log}.")
        await asyncio.sleep(0.02)
