"""The embedded PostgreSQL 18: its data folder, its settings, its start and its readiness."""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from deploy.local import binaries, postgres_orphans
from deploy.local.errors import StackError, explained
from deploy.local.logs import tail
from deploy.local.postgres_user import RunAs, reachable_install, run_as
from deploy.local.process import Process, Program
from deploy.local.secret_store import write_private

PORTS = ("postgres",)
ADMIN = "postgres"
SCRAM_ROUNDS = "1"
LONGEST_SOCKET_PATH = 107  # bytes: sockaddr_un.sun_path of Linux without its final zero

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "synchronous_commit": "on",
    "jit": "off",  # its start costs more than it saves on short statements
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    # After a checkpoint each page is written whole once more. pglz made that 18 % less to write, and the round 2.0 times as long.
    "wal_compression": "off",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "password_encryption": "scram-sha-256",
    # Many rounds protect passwords that somebody chose. Ours are drawn, and each login of 4096 rounds costs a client of ours 20 ms.
    "scram_iterations": SCRAM_ROUNDS,
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # Nothing replicates from this server, so its background workers would only use memory.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
}


class Postgres:
    """PostgreSQL with its files in `folder`, its unix socket in `socket_folder` (which must be short)."""

    name = "postgres"

    def __init__(self, folder: Path, ports: dict[str, int], password: str, log: Path) -> None:
        self.folder = folder
        self.port = ports["postgres"]
        self.password = password
        self.socket_folder = Path()
        self._log = log
        self._who = RunAs()
        self._install = Path()

    def dsn(self, user: str, password: str, database: str = "postgres") -> str:
        """The address of a database over TCP; user and password must not need escapes (generated ones do not)."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    async def program(self) -> Program:
        """Makes the data folder at the first start, and says how to start the server."""
        self._who = run_as()
        self._install = reachable_install(binaries.postgres_install(), self._who)
        self._make_socket_folder()
        if not (self.folder / "PG_VERSION").exists():
            await self._make_cluster()
        await postgres_orphans.clear(self.folder)
        settings = {
            **SETTINGS,
            "cluster_name": postgres_orphans.cluster_name(self.folder),
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_folder),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # SIGINT is PostgreSQL's fast shutdown: it ends connections and writes a checkpoint.
        return self._program("postgres", options, self.folder, stop=signal.SIGINT, death=signal.SIGINT)

    async def is_ready(self) -> bool:
        """Whether it takes connections; the server itself writes so into its pid file."""
        try:
            lines = (self.folder / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def clean(self) -> None:
        """Removes the socket folder after the stop."""
        if self.socket_folder != Path():
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def _program(self, name: str, options: list[str], cwd: Path, stop: signal.Signals, death: signal.Signals) -> Program:
        # The dropped user may be unable to walk to the data, which can lie below a closed folder; it is put inside it instead.
        data = "/proc/self/cwd" if self._who.user is not None and sys.platform == "linux" else str(cwd)
        return Program(
            name,
            [str(self._install / "bin" / name), "-D", data, *options],
            env={"PATH": os.defpath, "TZ": "UTC", "LC_ALL": "C"},
            clean_env=True,
            cwd=cwd,
            user=self._who.user,
            group=self._who.group,
            stop_signal=stop,
            stop_timeout=15,
            death_signal=death,
        )

    async def _make_cluster(self) -> None:
        new = self.folder.with_name(self.folder.name + ".new")
        # What an interrupted first start left is incomplete; only a finished one gets the real name.
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        self._who.give(new)
        password_file = self.socket_folder / "first-password"
        password_file.touch(mode=0o600)
        self._who.give(password_file)
        try:
            password_file.write_text(self.password + "\n", encoding="utf-8")
            await self._initdb(new, password_file)
        finally:
            password_file.unlink(missing_ok=True)
        os.rename(new, self.folder)

    async def _initdb(self, new: Path, password_file: Path) -> None:
        options = ["--auth=scram-sha-256", f"--pwfile={password_file}", f"--username={ADMIN}", "--encoding=UTF8", "--locale=C"]
        options.append(f"--set=scram_iterations={SCRAM_ROUNDS}")  # for the administrator's own password
        # The builtin provider sorts alike on every machine; the system's collations change with its C library.
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        program = self._program("initdb", options, new, stop=signal.SIGKILL, death=signal.SIGKILL)
        log = self._log.with_name("initdb.log")
        process = Process(program, log)
        process.start()
        try:
            code = await process.wait()
        finally:
            await process.kill()  # a cancelled start (another server is missing) leaves nothing that writes into the folder
        if code != 0:
            raise StackError(f"PostgreSQL could not make its data folder (code {code}). Its last lines:\n{tail(log)}")

    def _make_socket_folder(self) -> None:
        if self.socket_folder.is_absolute() and self.socket_folder.is_dir():
            return
        # A killed run could not remove its own.
        before = self.folder.with_name("run") / "socket-folder"
        if before.exists():
            shutil.rmtree(before.read_text(encoding="utf-8"), ignore_errors=True)
        with explained(Path(tempfile.gettempdir())):
            # Not in the data folder: a socket's path may have 107 bytes only, and the dropped user must be able to enter.
            folder = Path(tempfile.mkdtemp(prefix="flatrender-", dir=self._short_place()))
        self._who.give(folder)
        self.socket_folder = folder
        write_private(before, str(folder), lasting=False)

    def _short_place(self) -> str:
        for place in (tempfile.gettempdir(), "/tmp"):
            if len(os.fsencode(place)) + len("/flatrender-12345678/.s.PGSQL.12345.lock") <= LONGEST_SOCKET_PATH:
                return place
        raise StackError(f"the temporary folder has too long a path for a socket: {tempfile.gettempdir()}. Set TMPDIR to a shorter one.")
