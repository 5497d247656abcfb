"""A daemon with secrets whose engine tries everything, and what came of it: `python -m tests.unit.cage.daemon FOLDER MISSING LOOSE`."""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from node_worker.engines import protocol
from node_worker.engines.base import TemplateRefused
from node_worker.engines.host import EngineProcess
from node_worker.platform import PROCESSES, keep_private

CHILD = "node_worker.engines.child"
ENGINE = "tests.unit.cage.hostile:HostileEngine"


def engine_of(folder: Path, missing: str, loose: str = "") -> EngineProcess:
    """An engine on a kernel to which some calls are unknown, with guards that hold nothing."""
    process = EngineProcess(engine=ENGINE, folder=folder)
    at = process._command.index(CHILD)
    process._command[at : at + 1] = ["tests.unit.cage.old_kernel", missing, "tests.mutants.loose", loose, CHILD]
    return process


async def asked(engine: EngineProcess, file: Path, tries: list[tuple[str, Any]]) -> list[str]:
    """What comes of each try, with the engine alive or a new one."""
    file.write_text(json.dumps({"tries": tries}))
    try:
        async for _ in engine.run(protocol.Inspect(path=str(file), work="")):
            pass
    except TemplateRefused as refused:
        outcomes: list[str] = json.loads(refused.detail)
        return outcomes
    raise AssertionError("a scan ends with what came of it")


def data_folder(at: Path) -> Path:
    """A node's data folder with its secret, and a file of another tenant in its cache."""
    data = at / "data"
    for name in ("cache", "work/engines"):
        (data / name).mkdir(parents=True, mode=0o700)
    (data / "identity.json").write_text('{"secret": "of the node"}')
    (data / "cache" / "template").write_text("of another tenant")
    return data


def everything(data: Path, port: int, wire: Path, forks: int) -> dict[str, tuple[str, Any]]:
    """The tries, by names that say what is wanted."""
    return {
        "read the machine's users": ("read", "/etc/passwd"),
        "read the node's secret": ("read", str(data / "identity.json")),
        "read another tenant's template": ("read", str(data / "cache" / "template")),
        "read the daemon's environment": ("read", f"/proc/{os.getpid()}/environ"),
        "list the cache": ("listing", str(data / "cache")),
        "change a template": ("write", str(data / "cache" / "template")),
        "remove the node's secret": ("remove", str(data / "identity.json")),
        "write beside its folder": ("write", str(data / "spool")),
        "change what it was given": ("write", str(data / "work" / "engines" / "1" / "given" / "asked")),
        "open a connection": ("internet", port),
        "open a local socket": ("unix", str(wire)),
        "run a program": ("execute", "/bin/true"),
        "run its own Python": ("spawn", sys.executable),
        "fork": ("fork", forks),
        "trace its daemon": ("trace", os.getpid()),
        "signal its daemon": ("signal", os.getpid()),
        "have the kernel signal its daemon": ("owner", os.getpid()),
        "have memory that does not count": ("shared", 1 << 20),
        "make a link": ("link", "/etc/passwd"),
        "make a namespace": ("namespace", None),
        "become root": ("root", None),
        "lift its limits": ("limits", None),
        "outlive its daemon": ("orphan", None),
        "make a ring of the kernel's": ("kernel", 425),
        "load a program into the kernel": ("kernel", 321),
        "handle faults of memory itself": ("kernel", 323),
        "watch the processor": ("kernel", 298),
        "keep a key": ("kernel", 250),
        "write in its own folder": ("write", "own"),
        "start a thread": ("threads", 3),
        "its environment": ("environment", None),
        "its descriptors": ("descriptors", None),
    }


async def main(folder: Path, missing: str, loose: str) -> None:
    """Be the daemon, and print the guards and the outcomes."""
    keep_private()
    data = data_folder(folder)
    wire = folder / "wire"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(wire))
        local.listen()
        engine = engine_of(data / "work" / "engines" / "1", missing, loose)
        # Where the first is not refused, as many as it takes to reach the limit of an engine's own user: each takes milliseconds.
        tries = everything(data, server.getsockname()[1], wire, PROCESSES + 20 if "seccomp" in missing or "calls" in loose else 1000)
        ready = await engine.start()
        outcomes = await asked(engine, data / "asked", list(tries.values()))
        await engine.close()
    guards = {one.name: [one.up, one.detail] for one in ready.guards}
    print(json.dumps({"guards": guards, "outcomes": dict(zip(tries, outcomes, strict=True))}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:4]))
