"""The whole product on one machine: the three servers, the database's migrations, the edge, the consumers and some nodes."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

import aiohttp
import asyncpg

from adapters.nats import connect
from adapters.object_store import ObjectStore
from adapters.settings import Settings
from contracts import catalogue
from contracts.domains import DOMAINS, LOG
from deploy.bootstrap import ensure_first_key
from deploy.local import frozen, logs, ports
from deploy.local.errors import StackError
from deploy.local.secret_store import write_private
from deploy.local.servers import Servers
from deploy.local.supervisor import Supervisor
from deploy.nats import NatsRole
from deploy.provision import provision, provision_node
from sql.migrate import migrate, set_role_passwords

BUCKET = "flatrender"
READY_WITHIN = 60.0  # seconds
CRASH_LOOP = 3  # ends of a process of ours before the stack is ready
CHECK = "check"  # the standing check, in NATS; it must not be there for anything to work
CONTROL = ("consumers", "log", "edge")  # what the product cannot do without, beside the servers
CORES_OF_AN_EDGE, MOST_EDGES = 4, 3  # more would take too many of PostgreSQL's connections
NODE_STOPPED = frozen.BUSY  # looks at which a node may be stopped: its leases end by themselves, and its work goes elsewhere
STOP_EDGE, STOP_CONSUMERS, STOP_NODE, STOP_CHECK = 5.0, 5.0, 3.0, 1.0  # seconds until SIGKILL


class Stack:
    """Use as `async with Stack(folder) as stack:`; `url` and `api_key` are for clients. Raises StackError with what to do."""

    def __init__(
        self,
        data: Path | None = None,
        *,
        nodes: int = 2,
        slots: int = 1,
        notice: Callable[[str], None] | None = None,
        supervise: bool = True,
    ) -> None:
        self._nodes, self._slots = nodes, slots
        self._notice = notice or (lambda text: None)
        self.servers = Servers(data, self._nats_roles, supervise=supervise, notice=self._notice, gate=True)
        self.data = self.servers.data
        self.processes = Supervisor(self.data / "logs", self._notice)
        self.url = ""
        self.api_key = ""

    @property
    def node_ids(self) -> list[UUID]:
        """The ids of this machine's nodes: the same at every start."""
        return [uuid5(NAMESPACE_URL, f"{self.servers.secrets.get('installation')}/{number}") for number in range(1, self._nodes + 1)]

    async def start(self) -> None:
        """Start everything; returns when the edge is ready and the nodes are on their way."""
        await self.servers.start()
        try:
            await asyncio.gather(self._prepare_database(), self._prepare_nats(), self._prepare_store())
            self._add_processes()
            await self.processes.start()
            self.api_key = await self._first_key()
            await self._until_ready()
            self._write_facts()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything that was started."""
        await self.processes.stop()
        await self.servers.stop()
        (self.data / "stack.json").unlink(missing_ok=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    def settings(self, role: str, **more: Any) -> Settings:
        """What a process of this stack that is one role gets as its settings; with no role, no password."""
        secrets, database = self.servers.secrets, pg_role(role)
        secret = secrets.get
        return Settings.model_validate(
            {
                "nats_url": self.servers.nats_url,
                "nats_user": role,
                "nats_password": secret(nats_secret(role)) if role else "",
                "pg_dsn": self._pg_dsn,
                "pg_password": secret(pg_secret(database)) if database else "",
                "s3_url": self.servers.s3_url,
                "s3_bucket": BUCKET,
                "s3_access_key": self.servers.s3_access_key,
                "s3_secret_key": self.servers.s3_secret_key,
                "secret": secret("edge"),
                **{f"secret_{name}": secrets.get(f"edge.{name}") for name in ("before", "version") if f"edge.{name}" in secrets},
                **more,
            }
        )

    @property
    def _pg_dsn(self) -> str:
        parts = urlsplit(self.servers.pg_admin_dsn)
        return f"postgresql://{parts.hostname}:{parts.port}{parts.path}"

    async def _prepare_database(self) -> None:
        conn = await asyncpg.connect(self.servers.pg_admin_dsn)
        try:
            await migrate(conn)
            await set_role_passwords(conn, lambda role: self.servers.secrets.get(pg_secret(role)))
        finally:
            await conn.close()

    async def _prepare_nats(self) -> None:
        nc = await connect(self.settings("provision"), "flatrender provision", within=10)
        try:
            await provision(nc)
            for node_id in self.node_ids:
                await provision_node(nc, node_id)
        finally:
            await nc.close()

    def _nats_roles(self) -> list[NatsRole]:
        roles = [*catalogue.roles(), *(catalogue.node_role(node_id) for node_id in self.node_ids)]
        return [NatsRole.of(role, self.servers.secrets.get(nats_secret(role.name))) for role in roles]

    def settings_of_consumers(self) -> Settings:
        """What a process that consumes for all domains, with the services beside them, gets."""
        secret, roles = self.servers.secrets.get, [user for domain in DOMAINS for user in catalogue.users_of(domain)]
        nats = {role: secret(nats_secret(role)) for role in roles}
        databases = {database: secret(pg_secret(database)) for role in roles if (database := pg_role(role))}
        return self.settings("", nats_passwords=nats, pg_passwords=databases, nats_issuer=self.servers.nats_issuer)

    def _settings_of_log(self) -> Settings:
        """What the log's process gets: where consumers show their metrics, the next port is its own."""
        settings = self.settings(LOG)
        return settings.model_copy(update={"metrics_port": settings.metrics_port + 1}) if settings.metrics_port else settings

    def _settings_of_edges(self, port: int) -> list[Settings]:
        """What the edges get: several share the port, and each shows its metrics at one of its own, behind the log's."""
        settings = self.settings("edge", port=port)
        if (several := self._edges()) == 1:
            return [settings]
        first = settings.metrics_port + 2 if settings.metrics_port else 0
        return [
            settings.model_copy(update={"port_shared": True, "metrics_port": first + number if first else 0}) for number in range(several)
        ]

    def _edges(self) -> int:
        """How many edges there are: as the settings say, else by the machine's cores; one where a port is not shared evenly."""
        if not sys.platform.startswith("linux"):
            return 1
        return Settings().edges or max(1, min(MOST_EDGES, len(os.sched_getaffinity(0)) // CORES_OF_AN_EDGE))

    async def _prepare_store(self) -> None:
        async with ObjectStore(self.servers.s3_url, BUCKET, self.servers.s3_access_key, self.servers.s3_secret_key) as store:
            await store.ensure_bucket()

    def _add_processes(self) -> None:
        port = self._edge_port()
        consume = ["-m", "deploy", "consume"]
        self._add("consumers", [*consume, *DOMAINS], self.settings_of_consumers(), STOP_CONSUMERS)
        # A process of its own: numbering and publishing events waits for no decision, nor does any decision wait for it.
        self._add("log", [*consume, LOG], self._settings_of_log(), STOP_CONSUMERS)
        for number, settings in enumerate(self._settings_of_edges(port), 1):
            self._add("edge" if number == 1 else f"edge-{number}", ["-m", "deploy", "edge"], settings, STOP_EDGE)
        if (standing := self.settings(CHECK)).check_every > 0:
            self._add(CHECK, ["-m", "deploy", "check"], standing, STOP_CHECK)
        self.url = f"http://127.0.0.1:{port}"
        for number, node_id in enumerate(self.node_ids, 1):
            role = catalogue.node_role(node_id).name
            mine: dict[str, Any] = {
                "nats_user": role,
                "nats_password": self.servers.secrets.get(nats_secret(role)),
                "node_id": str(node_id),
                "node_name": f"node-{number}",
            }
            mine |= {"node_slots": self._slots, "data": str(self.data / f"node-{number}")}
            settings = Settings.model_validate({"nats_url": self.servers.nats_url, **mine})
            self._add(f"node-{number}", ["-m", "node_worker"], settings, STOP_NODE, stopped=NODE_STOPPED)

    def _add(self, name: str, arguments: Sequence[str], settings: Settings, stop: float, stopped: int = frozen.STOPPED) -> None:
        alive = self.data / "run" / f"{name}.alive"
        environ = environment(settings.model_copy(update={"alive": str(alive)}))
        self.processes.add(name, [sys.executable, "-P", *arguments], environ, stop_timeout=stop, alive=alive, stopped=stopped)

    def _edge_port(self) -> int:
        return ports.remembered(self.data / "edge-port.json", ("edge",))["edge"]

    async def _first_key(self) -> str:
        asking = asyncio.create_task(ensure_first_key(self.settings("edge"), self.servers.secrets))
        try:
            async with asyncio.timeout(READY_WITHIN):
                while not asking.done():
                    self._refuse_crash_loop()
                    await asyncio.wait({asking}, timeout=0.05)
            return asking.result()
        except TimeoutError:
            log = self.processes.log("consumers")
            raise StackError(f"no domain decides the first API key's command after {READY_WITHIN:.0f} s. See {log}.") from None
        finally:
            asking.cancel()

    async def _until_ready(self) -> None:
        give_up = asyncio.get_running_loop().time() + READY_WITHIN
        answer = "it does not answer yet"
        async with aiohttp.ClientSession() as http:
            while asyncio.get_running_loop().time() < give_up:
                with suppress(aiohttp.ClientError, TimeoutError):
                    headers = {"Authorization": f"Bearer {self.api_key}"}  # ready is what lets the first key in
                    async with http.get(f"{self.url}/v1/me", headers=headers, timeout=aiohttp.ClientTimeout(total=2)) as response:
                        if response.status == 200:
                            return
                        answer = await response.text()
                self._refuse_crash_loop()
                await asyncio.sleep(0.05)
        places = ", ".join(str(self.processes.log(name)) for name in CONTROL)
        raise StackError(f"the edge is not ready after {READY_WITHIN:.0f} s: {answer}. See {places}.")

    def _refuse_crash_loop(self) -> None:
        for name in CONTROL:
            if self.processes.restarts(name) >= CRASH_LOOP:
                log = self.processes.log(name)
                raise StackError(f"{name} ended {CRASH_LOOP} times while it started. The last lines of {log}:\n{logs.tail(log)}")

    def _write_facts(self) -> None:
        facts = {
            "url": self.url,
            "api_key": self.api_key,
            "nats_url": self.servers.nats_admin_url,
            "pg_dsn": self.servers.pg_admin_dsn,
            "s3_url": self.servers.s3_url,
        }
        write_private(self.data / "stack.json", json.dumps(facts, indent=1) + "\n")


def environment(settings: Settings) -> dict[str, str]:
    """A process's settings as FLATRENDER_… variables, over this process's own environment."""
    values = {}
    for name, value in settings:
        plain = json.dumps({role: _plain(password) for role, password in value.items()}) if isinstance(value, dict) else _plain(value)
        values[f"FLATRENDER_{name.upper()}"] = plain
    own = {name: value for name, value in os.environ.items() if not name.startswith("FLATRENDER_")}
    return {**own, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(Path(__file__).parents[2]), **values}


def nats_secret(role: str) -> str:
    """The name in the secret store of a NATS user's password; a node's is its user's name, as ever."""
    return role if catalogue.node_of(role) else f"nats.{role}"


def pg_role(role: str) -> str:
    """The role of PostgreSQL that belongs to one of NATS, if one does."""
    return "edge_ro" if role == "edge" else f"{role}_app" if role in (*DOMAINS, LOG, CHECK) else ""


def pg_secret(role: str) -> str:
    """The name in the secret store of the password of one of PostgreSQL's roles."""
    return f"pg.{role}"


def _plain(value: Any) -> str:
    return value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)
