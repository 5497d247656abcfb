"""The three real servers on one machine: NATS, PostgreSQL and S3, started together, with their data in one folder."""

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from contracts.catalogue import LOG_ACCOUNT, SERVICES
from deploy.local import leftovers, logs, nats_server, ports, postgres, seaweed
from deploy.local.errors import StackError, explained
from deploy.local.folder import DataFolder, default_folder
from deploy.local.nats_server import NatsServer
from deploy.local.postgres import Postgres
from deploy.local.process import Process, Program
from deploy.local.seaweed import Seaweed
from deploy.local.secret_store import SecretStore
from deploy.local.supervisor import Keeper
from deploy.nats import NatsRole

READY_WITHIN = 30.0  # seconds
NATS_ADMIN, NATS_LOG_ADMIN = "admin", "admin_log"  # of the services' account and of the log's
HEAL_EVERY = 3.0  # seconds between two looks at whether nats-server can still write
ROOM = 64 * 2**20  # bytes that a disk must have free before that


class Server(Protocol):
    """What `Servers` needs of each of the three."""

    name: str

    async def program(self) -> Program:
        """Prepares its files and says how to start it."""

    async def is_ready(self) -> bool:
        """Whether it can be used."""


class Servers:
    """NATS, PostgreSQL and S3 with their data in `data` (default: the user's data folder).

    Use as `async with Servers(folder) as servers:` or with `start` and `stop`, from the main thread. With `supervise` a server
    that dies is started again by itself on the same port; `notice` then gets one line for a person. Names: "nats", "postgres", "s3".
    Users of NATS may be told by a function, which is called when `secrets` are there. With `gate` the server also asks the role `gate` who
    may come in. Every error that a person can put right is a StackError.
    """

    def __init__(
        self,
        data: Path | None = None,
        nats_roles: Sequence[NatsRole] | Callable[[], Sequence[NatsRole]] = (),
        supervise: bool = False,
        notice: Callable[[str], None] | None = None,
        gate: bool = False,
    ) -> None:
        self._folder = DataFolder(data or default_folder())
        self.data = self._folder.path
        self._roles = nats_roles
        self._gate = gate
        self._supervise = supervise
        self._notice = notice or (lambda text: None)
        self._keepers: dict[str, Keeper] = {}
        self._servers: dict[str, Server] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Starts all three in parallel and returns when each can be used. Raises StackError, with nothing left running."""
        self._folder.open()
        try:
            with explained(self.data):
                leftovers.end(self._pid_file)
                self._declare()
                await self._start_all()
        except BaseException:
            await self.stop()
            raise
        if self._supervise:
            for name in self._keepers:
                self._watch(name)
            self._tasks["heal"] = asyncio.create_task(self._heal(), name="heal")

    async def stop(self) -> None:
        """Stops all three (S3 by SIGKILL, which it stands) and gives the data folder back."""
        await self._cancel(list(self._tasks))
        await asyncio.gather(*(keeper.stop() for keeper in self._keepers.values()))
        if self._servers:
            self.postgres.clean()
            self.s3.clean()
            self._pid_file.unlink(missing_ok=True)
        self._folder.close()

    async def kill(self, name: str) -> None:
        """SIGKILL to one server and its children, as a fault would. Unless supervised it stays dead until `restart`."""
        process = self._keepers[name].process
        if process:
            await process.kill()

    async def restart(self, name: str) -> None:
        """Stops one server if it runs, starts it on the same port and data, and returns when it can be used."""
        await self._cancel([name])
        await self._keepers[name].stop()
        with explained(self.data):
            await self._start_one(name)
        if self._supervise:
            self._watch(name)

    async def until_ready(self, name: str, seconds: float = READY_WITHIN) -> None:
        """Returns when that server can be used. Raises StackError with its last log lines when it cannot in time."""
        give_up = time.monotonic() + seconds
        while not await self._servers[name].is_ready():
            process = self._keepers[name].process
            if process and process.exit_code is not None and not self._supervise:
                raise self._failure(name, f"ended with code {process.exit_code} while it started", process)
            if time.monotonic() > give_up:
                raise self._failure(name, f"was not ready within {seconds:.0f} s", process)
            await asyncio.sleep(0.02)

    async def set_nats_roles(self, roles: Sequence[NatsRole]) -> None:
        """Replaces the NATS users (the administrator stays) without a restart; connections of users that stay are kept."""
        pid = self.pid("nats")
        if pid is None:
            raise StackError("nats-server does not run, so its users cannot be changed now.")
        await self.nats.reload(self._with_admin(roles), pid)
        self._roles = roles

    def pid(self, name: str) -> int | None:
        """The process id of a server, None while it does not run."""
        return self._keepers[name].pid

    def restarts(self, name: str) -> int:
        """How often supervision has started that server again."""
        return self._keepers[name].restarts

    def log(self, name: str) -> Path:
        """The log file of a server."""
        return self.data / "logs" / f"{name}.log"

    @property
    def nats_url(self) -> str:
        """The address of NATS, without a user."""
        return f"nats://127.0.0.1:{self.nats.ports['nats']}"

    @property
    def nats_admin_url(self) -> str:
        """The address of NATS with the administrator's name and password: may publish and subscribe to everything."""
        return f"nats://{NATS_ADMIN}:{self.secrets.get('nats.admin')}@127.0.0.1:{self.nats.ports['nats']}"

    @property
    def nats_issuer(self) -> str:
        """The seed of the key by which nats-server knows node auth's answers; made at the first start."""
        if "nats.issuer" not in self.secrets:
            from adapters.nats.callout import new_seed  # late, as it needs a package that only services have

            self.secrets.set("nats.issuer", new_seed())
        return self.secrets.get("nats.issuer")

    @property
    def nats_monitor_url(self) -> str:
        """The monitoring address of NATS (`/varz`, `/jsz`)."""
        return self.nats.monitor_url

    @property
    def pg_admin_dsn(self) -> str:
        """PostgreSQL's superuser in the database `postgres`, over TCP."""
        return self.pg_dsn(postgres.ADMIN, self.secrets.get("postgres.admin"))

    def pg_dsn(self, user: str, password: str, database: str = "postgres") -> str:
        """A PostgreSQL address for a role that the caller made; `secrets.get(name)` gives it a password that lasts."""
        return self.postgres.dsn(user, password, database)

    @property
    def pg_socket_folder(self) -> Path:
        """The folder of PostgreSQL's unix socket (asyncpg and libpq take it as `host`); new at every start."""
        return self.postgres.socket_folder

    @property
    def s3_url(self) -> str:
        """The address of the S3 API (path style, region us-east-1)."""
        return self.s3.url

    @property
    def s3_access_key(self) -> str:
        """The S3 access key id."""
        return self.s3.access_key

    @property
    def s3_secret_key(self) -> str:
        """The S3 secret key."""
        return self.s3.secret_key

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    @property
    def _pid_file(self) -> Path:
        return self.data / "run" / "pids.json"

    def _declare(self) -> None:
        if self._servers:
            return
        self.secrets = SecretStore(self.data / "secrets.json")
        names = (*nats_server.PORTS, *postgres.PORTS, *seaweed.PORTS)
        chosen = ports.remembered(self.data / "ports.json", names, with_grpc=seaweed.PORTS)
        roles = self._roles() if callable(self._roles) else self._roles
        self.nats = NatsServer(self.data / "nats", chosen, self._with_admin(roles), self._issuer() if self._gate else "")
        self.postgres = Postgres(self.data / "postgres", chosen, self.secrets.get("postgres.admin"), self.log("postgres"))
        keys = [self.secrets.get(name) for name in ("s3.access_key", "s3.secret_key", "s3.signing_key")]
        self.s3 = Seaweed(self.data / "s3", chosen, *keys)
        servers: tuple[Server, ...] = (self.nats, self.postgres, self.s3)
        self._servers = {server.name: server for server in servers}
        self._keepers = {
            server.name: Keeper(server.program, self.log(server.name), self._notice, started=self._remember_pids) for server in servers
        }

    def _issuer(self) -> str:
        from adapters.nats.callout import Issuer

        return Issuer(self.nats_issuer).public

    def _with_admin(self, roles: Sequence[NatsRole]) -> list[NatsRole]:
        admins = {NATS_ADMIN: SERVICES, NATS_LOG_ADMIN: LOG_ACCOUNT}
        may_all = [NatsRole(name, self.secrets.get(f"nats.{name}"), [">"], [">"], account=account) for name, account in admins.items()]
        return [*may_all, *roles]

    async def _start_all(self) -> None:
        tasks = [asyncio.create_task(self._start_one(name)) for name in self._servers]
        try:
            await asyncio.gather(*tasks)
        finally:
            # Nothing may start behind the back of the stop that follows a failure.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_one(self, name: str) -> None:
        logs.cap(self.log(name))
        await self._keepers[name].start()
        await self.until_ready(name)

    def _remember_pids(self) -> None:
        leftovers.remember(self._pid_file, {name: keeper.pid for name, keeper in self._keepers.items() if keeper.pid})

    def _watch(self, name: str) -> None:
        self._tasks[name] = asyncio.create_task(self._keepers[name].watch(), name=f"keep {name}")

    async def _heal(self) -> None:
        """Start nats-server anew when it has given a stream up and the disk has room again."""
        while True:
            await asyncio.sleep(HEAL_EVERY)
            if await self.nats.is_stuck() and shutil.disk_usage(self.data).free > ROOM:
                self._notice("nats could not write to its disk, which has room again; starting it anew")
                await self.kill("nats")

    async def _cancel(self, names: Sequence[str]) -> None:
        tasks = [self._tasks.pop(name) for name in names if name in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _failure(self, name: str, what: str, process: Process | None) -> StackError:
        code = "" if process is None or process.exit_code is None else f" (exit code {process.exit_code})"
        return StackError(f"{name} {what}{code}. The last lines of {self.log(name)}:\n{logs.tail(self.log(name))}")
