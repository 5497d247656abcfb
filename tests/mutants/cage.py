"""What an engine's cage and its hatch promise as checks, and small wrong changes of them; a broken promise is a Broken."""

import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from contracts.spec import SceneSpec
from node_worker.cage import user
from node_worker.engines import host, protocol
from node_worker.engines.base import Files
from node_worker.engines.hatch import Hatch
from node_worker.engines.host import EngineCrashed, EngineProcess
from tests.mutants.checks import hold
from tests.unit.cage.daemon import asked, data_folder, engine_of

Mutation = Callable[[], Any]
BARE = "unshare,landlock_create_ruleset,seccomp"  # nothing but the hatch is between engine and daemon


@asynccontextmanager
async def _engine(folder: Path) -> AsyncIterator[tuple[EngineProcess, Path]]:
    data = data_folder(folder)
    engine = engine_of(data / "work" / "engines" / "1", BARE)
    try:
        yield engine, data
    finally:
        await engine.close()


async def _offered(engine: EngineProcess, data: Path, how: str) -> str:
    """Where the host says that the segment lies which the engine offers; nothing if it takes none."""
    wanted = data / "work" / "segment.mp4"
    texts = {"offers": json.dumps(["asked", how, str(data / "identity.json")])}
    spec = SceneSpec(scene="s", bundle="b", digest="d", frames=1, duration=1, texts=texts)
    size: dict[str, Any] = {"width": 64, "height": 36, "rate_num": 30, "rate_den": 1, "quality": "draft", "background": "#FFFFFF"}
    tasks = (protocol.SegmentTask(key="asked", first=0, count=1, output=str(wanted)),)
    with contextlib.suppress(EngineCrashed):
        async for event in engine.run(protocol.DrawSegments(spec=spec, files=Files({}), segments=tasks, **size)):
            if isinstance(event, protocol.SegmentDone):
                return event.segment.path
    return ""


async def an_engine_names_no_path(folder: Path) -> None:
    """What the daemon uploads lies where the daemon wanted it."""
    async with _engine(folder) as (engine, data):
        path = await _offered(engine, data, "name")
        hold(not path, f"the daemon would upload {path}")


async def a_link_leads_nowhere(folder: Path) -> None:
    """An engine's link to a secret of the daemon's is not followed."""
    async with _engine(folder) as (engine, data):
        path = await _offered(engine, data, "symbolic link")
        hold(not path, f"the daemon would upload {path}, which is {os.path.realpath(path)}")


async def a_request_sees_its_own_files(folder: Path) -> None:
    """What one request was given is gone at the next."""
    async with _engine(folder) as (engine, data):
        given = data / "work" / "engines" / "1" / "given"
        for name in ("one", "two"):
            (seen,) = await asked(engine, data / name, [("listing", str(given))])
        hold(seen == "saw 1 names", f"the second request {seen}")


async def no_secret_is_in_the_environment(folder: Path) -> None:
    """An engine does not inherit what the daemon was told."""
    with patch.dict(os.environ, FLATRENDER_NATS_PASSWORD="secret", CLOUD_TOKEN="secret"):
        async with _engine(folder) as (engine, data):
            (names,) = await asked(engine, data / "asked", [("environment", None)])
    hold("FLATRENDER" not in names and "CLOUD" not in names, f"the engine knows {names}")


def the_engines_path_is_believed() -> Any:
    """What the engine says of its file is passed on."""
    return patch.object(Hatch, "outside", lambda self, event: event)


def whatever_lies_there_is_taken() -> Any:
    """Nobody looks at what the engine made."""
    return patch.object(user, "take", lambda path: None)


def nothing_is_taken_back() -> Any:
    """What a request was given stays."""
    return patch.object(Hatch, "clear", lambda self: True)


def the_environment_is_inherited() -> Any:
    """Engines get all that the daemon was told."""

    def whole(made: Path, given: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **given}

    return patch.object(host, "clean", whole)
